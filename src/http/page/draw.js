// Draws the skeletons of one message on a plain ground.

const LIMBS = [
  ["left_ankle", "left_knee"], ["left_knee", "left_hip"], ["right_ankle", "right_knee"],
  ["right_knee", "right_hip"], ["left_hip", "right_hip"], ["left_shoulder", "left_hip"],
  ["right_shoulder", "right_hip"], ["left_shoulder", "right_shoulder"], ["left_shoulder", "left_elbow"],
  ["right_shoulder", "right_elbow"], ["left_elbow", "left_wrist"], ["right_elbow", "right_wrist"],
  ["left_eye", "right_eye"], ["nose", "left_eye"], ["nose", "right_eye"], ["left_eye", "left_ear"],
  ["right_eye", "right_ear"], ["left_ear", "left_shoulder"], ["right_ear", "right_shoulder"],
];
// Less sure keypoints are not drawn.
const SURE = 0.2;
// Neighbouring ids get hues that are far apart.
const GOLDEN_ANGLE = 137.508;
// Width of the picture that traces are gathered in.
const TRACES_PX = 960;

// Gives the canvas the frame's shape and the screen's resolution. Returns display px per frame px.
function fit(canvas, frame) {
  const shape = `${frame.width} / ${frame.height}`;
  if (canvas.dataset.shape !== shape) {
    canvas.dataset.shape = shape;
    canvas.style.aspectRatio = shape;
    canvas.parentElement.style.setProperty("--ratio", frame.width / frame.height);
  }
  const box = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(box.width * ratio));
  const height = Math.max(1, Math.round(box.height * ratio));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const scale = Math.min(width / frame.width, height / frame.height);
  return { scale, ratio, left: (width - frame.width * scale) / 2, top: (height - frame.height * scale) / 2 };
}

function skeleton(pen, person, view, colour) {
  const size = Math.max(person.box[2], person.box[3]) * view.scale;
  const thick = Math.min(Math.max(size / 55, 1.6 * view.ratio), 6 * view.ratio);
  const at = (point) => [view.left + (point[0] + 0.5) * view.scale, view.top + (point[1] + 0.5) * view.scale];
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = thick;
  pen.lineCap = "round";
  for (const [from, to] of LIMBS) {
    const a = person.keypoints[from], b = person.keypoints[to];
    if (!a || !b || a[2] < SURE || b[2] < SURE) continue;
    pen.beginPath();
    pen.moveTo(...at(a));
    pen.lineTo(...at(b));
    pen.stroke();
  }
  for (const point of Object.values(person.keypoints)) {
    if (point[2] < SURE) continue;
    pen.beginPath();
    pen.arc(...at(point), thick * 0.95, 0, 2 * Math.PI);
    pen.fill();
  }
}

function label(pen, person, view, colour) {
  const posture = person.posture && person.posture !== "unknown" ? ` ${person.posture}` : "";
  const text = `#${person.id}${posture}`;
  const px = 13 * view.ratio;
  pen.font = `600 ${px}px system-ui, sans-serif`;
  const width = pen.measureText(text).width;
  const right = view.left * 2 + pen.canvas.width - width - 4;
  const x = Math.min(Math.max(view.left + person.box[0] * view.scale, 4), right);
  const y = Math.max(view.top + person.box[1] * view.scale - 5 * view.ratio, px + 2);
  pen.fillStyle = colour;
  write(pen, text, x, y, view);
}

// Text on a halo of the ground, so that it can be read on lines and pictures.
function write(pen, text, x, y, view) {
  pen.lineWidth = 3 * view.ratio;
  pen.lineJoin = "round";
  pen.strokeStyle = view.ground;
  pen.strokeText(text, x, y);
  pen.fillText(text, x, y);
}

// Zones and lines, with their names.
function outline(pen, shape, view, frame, colour) {
  const at = ([x, y]) => [view.left + x * frame.width * view.scale, view.top + y * frame.height * view.scale];
  pen.beginPath();
  shape.points.forEach((point, index) => (index === 0 ? pen.moveTo(...at(point)) : pen.lineTo(...at(point))));
  if (shape.closed) pen.closePath();
  // A rim of the ground's colour, so that it can be seen on a picture.
  for (const [style, width] of [[view.ground, 4], [colour, 1.5]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width * view.ratio;
    pen.stroke();
  }
  const [x, y] = at(shape.points.reduce((best, point) => (point[1] < best[1] ? point : best)));
  const width = pen.measureText(shape.name).width;
  const left = Math.min(Math.max(x - width / 2, 4), pen.canvas.width - width - 4);
  write(pen, shape.name, left, Math.max(y - 6 * view.ratio, 14 * view.ratio), view);
}

// Adds the people of `message` to the traces of all that were seen: where they stand, and faintly
// their skeletons.
export function trace(canvas, message) {
  const { frame, people } = message;
  const height = Math.round((TRACES_PX * frame.height) / frame.width);
  if (canvas.height !== height || canvas.width !== TRACES_PX) {
    canvas.width = TRACES_PX;
    canvas.height = height;
  }
  const view = { scale: TRACES_PX / frame.width, ratio: 1, left: 0, top: 0 };
  const pen = canvas.getContext("2d");
  const { color } = getComputedStyle(canvas);
  for (const person of people) {
    pen.globalAlpha = 0.04;
    skeleton(pen, person, view, color);
    const ankles = [person.keypoints.left_ankle, person.keypoints.right_ankle];
    pen.globalAlpha = 0.4;
    for (const ankle of ankles) {
      if (!ankle || ankle[2] < SURE) continue;
      pen.beginPath();
      pen.arc((ankle[0] + 0.5) * view.scale, (ankle[1] + 0.5) * view.scale, 2, 0, 2 * Math.PI);
      pen.fill();
    }
  }
}

// Draws `message` over `shapes`, paler if it is `old`.
export function draw(canvas, message, shapes, old) {
  const view = fit(canvas, message.frame);
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const { color, colorScheme } = getComputedStyle(canvas);
  view.ground = getComputedStyle(canvas.parentElement).backgroundColor;
  pen.globalAlpha = 0.6;
  pen.fillStyle = color;
  pen.font = `${12 * view.ratio}px system-ui, sans-serif`;
  for (const shape of shapes) outline(pen, shape, view, message.frame, color);
  pen.globalAlpha = old ? 0.3 : 1;
  const dark = colorScheme === "dark"
    || (document.documentElement.dataset.theme === undefined && matchMedia("(prefers-color-scheme: dark)").matches);
  for (const person of message.people) {
    const colour = `hsl(${(person.id * GOLDEN_ANGLE) % 360} ${dark ? "75% 68%" : "80% 32%"})`;
    skeleton(pen, person, view, colour);
    label(pen, person, view, colour);
  }
}
