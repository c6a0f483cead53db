// Draws the editor's zones and lines as SVG, with points that take the focus.

const NAMESPACE = "http://www.w3.org/2000/svg";
const POINT_PX = 7;
const BETWEEN_PX = 4;
// Length of the arrow that shows which way is in.
const ARROW_PX = 26;

function element(parent, name, attributes, text) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

const percent = (value) => `${Math.round(value * 1000) / 10} %`;

// Crossing a line from its left to its right is in.
function arrow(svg, [from, to]) {
  const [x, y] = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  if (length === 0) return;
  const [nx, ny] = [-(to[1] - from[1]) / length, (to[0] - from[0]) / length];
  const at = (along, side) => `${x + nx * along - ny * side} ${y + ny * along + nx * side}`;
  const tip = ARROW_PX;
  element(svg, "path", {
    class: "arrow",
    d: `M${at(0, 0)}L${at(tip, 0)}M${at(tip - 7, -5)}L${at(tip, 0)}L${at(tip - 7, 5)}`,
  });
  element(svg, "text", { class: "in", x: x + nx * (tip + 12), y: y + ny * (tip + 12) + 4 }, "in");
}

function points(svg, shape, chosenPoint, px) {
  const count = shape.points.length;
  if (shape.kind === "zone") {
    shape.points.forEach((point, index) => {
      const [a, b] = [px(point), px(shape.points[(index + 1) % count])];
      element(svg, "circle", { class: "between", "data-side": index, cx: (a[0] + b[0]) / 2, cy: (a[1] + b[1]) / 2, r: BETWEEN_PX });
    });
  }
  shape.points.forEach((point, index) => {
    const [cx, cy] = px(point);
    const what = shape.kind === "zone" ? `corner ${index + 1} of ${count}` : ["start", "end"][index];
    element(svg, "circle", {
      class: index === chosenPoint ? "point chosen" : "point",
      cx, cy, r: POINT_PX, tabindex: 0, role: "button", "data-point": index,
      "aria-label": `${what} of ${shape.name}: ${percent(point[0])} from the left, ${percent(point[1])} from the top`,
    });
  });
}

function label(svg, shape, px, width) {
  // Above the highest point, within the picture.
  const highest = shape.points.reduce((best, point) => (point[1] < best[1] ? point : best));
  const [x, y] = px(highest);
  const anchor = x > width - 60 ? "end" : x < 60 ? "start" : "middle";
  element(svg, "text", { x, y: y < 28 ? y + 24 : y - 13, "text-anchor": anchor }, shape.name);
}

function drawn(svg, { kind, points, pointer }, px) {
  const all = pointer ? [...points, pointer] : points;
  const path = all.map((point) => px(point).join(" ")).join(" ");
  element(svg, "polyline", { class: `shape chosen open ${kind}`, points: path });
  points.forEach((point, index) => {
    const [cx, cy] = px(point);
    const closes = index === 0 && points.length > 2;
    element(svg, "circle", { class: closes ? "point first" : "point", ...(closes && { "data-first": "" }), cx, cy, r: POINT_PX });
  });
}

// Draws all shapes of the editor; the chosen one last, with its points.
export function sketch(svg, { shapes, chosen, point, drawing }) {
  const { width, height } = svg.getBoundingClientRect();
  if (width === 0) return;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.classList.toggle("drawing", drawing !== null);
  svg.replaceChildren();
  const px = ([x, y]) => [x * width, y * height];
  const order = shapes.map((_, index) => index).filter((index) => index !== chosen);
  if (chosen !== null) order.push(chosen);
  for (const index of order) {
    const shape = shapes[index];
    const name = shape.kind === "zone" ? "polygon" : "polyline";
    const state = index === chosen ? " chosen" : "";
    const path = shape.points.map((corner) => px(corner).join(" ")).join(" ");
    element(svg, name, { class: `shape ${shape.kind}${state}`, points: path, "data-index": index });
    if (shape.kind === "line") {
      arrow(svg, shape.points.map(px));
      // A line is too thin for a finger.
      element(svg, name, { class: "grip", points: path, "data-index": index });
    }
    label(svg, shape, px, width);
  }
  if (chosen !== null) points(svg, shapes[chosen], point, px);
  if (drawing) drawn(svg, drawing, px);
}
