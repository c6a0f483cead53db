// Zones and lines as the editor holds them: { kind, was, name, by, dwell, points }. What is allowed,
// and how they are written in TOML. The daemon checks everything again.

// The limits of src/config/events.rs and validate.rs.
const MOST = 32;
const SMALLEST_AREA = 1e-4;
const LONGEST_NAME = 64;
const LONGEST_DWELL_S = 86400;
const LONGEST_LINE = 90;

// Points as fine as a pixel of a wide picture.
const STEPS = 1000;

export const clamp = (value) => Math.min(Math.max(value, 0), 1);
export const round = (value) => Math.round(clamp(value) * STEPS) / STEPS;

export function fromSheet(sheet) {
  const zones = sheet.zones.map((zone) => ({
    kind: "zone", was: zone.name, name: zone.name, by: zone.by, dwell: zone.dwell_s, points: zone.polygon,
  }));
  const lines = sheet.lines.map((line) => ({
    kind: "line", was: line.name, name: line.name, by: line.by, dwell: null, points: [line.from, line.to],
  }));
  return [...zones, ...lines];
}

export function toChange(shapes, version) {
  const of = (kind) => shapes.filter((shape) => shape.kind === kind);
  return {
    version,
    zones: of("zone").map(({ was, name, by, dwell, points }) => ({ was, name, polygon: points, by, dwell_s: dwell })),
    lines: of("line").map(({ was, name, by, points: [from, to] }) => ({ was, name, from, to, by })),
  };
}

// A name that no other shape of this kind has.
export function freeName(kind, shapes) {
  for (let n = 1; ; n += 1) {
    const name = `${kind}${n}`;
    if (!shapes.some((shape) => shape.kind === kind && shape.name === name)) return name;
  }
}

function area(points) {
  const doubled = points.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = points[(i + 1) % points.length];
    return sum + x * nextY - y * nextX;
  }, 0);
  return Math.abs(doubled) / 2;
}

function nameProblem(shape, shapes) {
  const { kind, name } = shape;
  if (name.trim() === "") return "needs a name";
  const unfit = /[^A-Za-z0-9._-]/.exec(name);
  if (unfit) return `the name holds “${unfit[0]}”: use letters, digits, “-”, “_” and “.”`;
  if (/^\.+$/.test(name)) return "the name holds only dots";
  if (name.length > LONGEST_NAME) return `the name is longer than ${LONGEST_NAME} characters`;
  if (shapes.some((other) => other !== shape && other.kind === kind && other.name === name)) {
    return `another ${kind} has this name`;
  }
  return null;
}

// What keeps the shape from being saved.
export function problems(shape, shapes) {
  const found = [nameProblem(shape, shapes)];
  const { kind, points, dwell } = shape;
  if (kind === "zone") {
    if (points.length < 3) found.push("needs at least three corners");
    else if (area(points) < SMALLEST_AREA) found.push("has no area: its corners lie on a line, or its sides cross");
    if (dwell !== null && !(dwell >= 0.5 && dwell <= LONGEST_DWELL_S)) {
      found.push(`the dwell time must be from 0.5 to ${LONGEST_DWELL_S} seconds`);
    }
  } else if (points[0][0] === points[1][0] && points[0][1] === points[1][1]) {
    found.push("both ends are the same point");
  }
  return found.filter(Boolean);
}

export function allProblems(shapes) {
  const found = shapes.flatMap((shape) => problems(shape, shapes).map((text) => `${shape.name || shape.kind}: ${text}`));
  for (const kind of ["zone", "line"]) {
    const count = shapes.filter((shape) => shape.kind === kind).length;
    if (count > MOST) found.push(`there are ${count} ${kind}s; a camera has at most ${MOST}`);
  }
  return found;
}

const number = (n) => (Number.isInteger(n) ? n.toFixed(1) : String(n));
const point = ([x, y]) => `[${number(x)}, ${number(y)}]`;

function polygon(points) {
  const line = `[${points.map(point).join(", ")}]`;
  if (line.length <= LONGEST_LINE) return line;
  return `[\n${points.map((corner) => `    ${point(corner)},\n`).join("")}]`;
}

function block(shape) {
  const { kind, name, by, dwell, points } = shape;
  const lines = [`[[camera.${kind}]]`, `name = ${JSON.stringify(name)}`];
  if (kind === "zone") lines.push(`polygon = ${polygon(points)}`);
  else lines.push(`from = ${point(points[0])}`, `to = ${point(points[1])}`);
  if (by !== "feet") lines.push(`by = ${JSON.stringify(by)}`);
  if (dwell !== null) lines.push(`dwell_s = ${dwell}`);
  return `${lines.join("\n")}\n`;
}

export function toml(camera, shapes) {
  const head = `# Zones and lines of ${camera}: they belong below its [[camera]] section, before the next one.\n`;
  return [head, ...shapes.map(block)].join("\n");
}
