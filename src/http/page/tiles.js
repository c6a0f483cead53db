// One tile for each camera: built once, then only its texts and its drawing change.

import { draw } from "./draw.js";

// Poses older than this are drawn pale.
const OLD_MS = 2000;
// A camera that restarts is away for a moment: its tile goes after this many states without it.
const MOST_MISSING = 5;

const tiles = new Map();

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function duration(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

const count = (n, one, many) => `${n} ${n === 1 ? one : many}`;

class Tile {
  constructor(name, choose) {
    this.root = document.getElementById("tile").content.firstElementChild.cloneNode(true);
    this.root.dataset.camera = name;
    this.name = name;
    this.canvas = this.find("canvas");
    this.button = this.find(".open");
    this.button.textContent = name;
    this.button.addEventListener("click", () => choose(name));
    this.canvas.addEventListener("click", () => choose(name));
    this.message = null;
    this.shapes = [];
    this.came = 0;
    this.waiting = false;
    this.missing = 0;
    // The editor, if it is open: it draws zones itself, and gathers skeletons.
    this.gather = null;
    new ResizeObserver(() => this.redraw()).observe(this.canvas);
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  // The state, once a second.
  update(camera) {
    this.missing = 0;
    this.root.dataset.status = camera.status;
    this.shapes = camera.shapes;
    set(this.find(".word"), camera.status);
    const reason = this.find(".reason");
    reason.hidden = !camera.reason;
    set(reason, camera.reason ?? "");
    const online = camera.status === "online";
    set(this.find(".rate"), online ? camera.fps_out.toFixed(1) : "–");
    set(this.find(".decoded"), online ? camera.fps_in.toFixed(1) : "–");
    set(this.find(".age"), online && camera.age ? `${camera.age.p50_ms.toFixed(0)} ms` : "–");
    set(this.find(".dropped"), String(camera.dropped));
    set(this.find(".decoder"), camera.decoder ?? "–");
    set(this.find(".since"), duration(Date.now() - camera.since_ms));
    // GStreamer names the type of each value.
    set(this.find(".caps"), camera.caps?.replace(/\((string|int|fraction)\)/g, "") ?? "–");
    // The feed of one large camera carries no poses of the others.
    const people = this.message && !this.isOld() ? this.message.people.length : camera.people;
    set(this.find(".people"), online ? String(people) : "–");
    const seen = online ? count(people, "person", "people") : camera.status;
    this.canvas.setAttribute("aria-label", `${this.name}: ${seen}`);
    this.redraw();
  }

  poses(message) {
    this.message = message;
    this.came = performance.now();
    this.root.dataset.seq = message.seq;
    set(this.find(".people"), String(message.people.length));
    this.gather?.(message);
    this.redraw();
  }

  // Hands all poses to `gather` from now on; `null`: no longer.
  edit(gather) {
    this.gather = gather;
    this.redraw();
  }

  // Shows a picture under the skeletons, or none if `address` is null.
  picture(address, failed) {
    const image = this.find(".still");
    image.hidden = address === null;
    image.alt = address === null ? "" : `Picture of ${this.name}`;
    image.onerror = () => {
      image.hidden = true;
      failed();
    };
    if (address === null) image.removeAttribute("src");
    else image.src = address;
  }

  isOld() {
    return performance.now() - this.came > OLD_MS;
  }

  // At most once for each frame of the screen.
  redraw() {
    if (this.waiting || !this.message) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      if (this.canvas.offsetParent === null) return;
      draw(this.canvas, this.message, this.gather ? [] : this.shapes, this.isOld());
    });
  }
}

// Makes the tiles those of `cameras`.
export function update(cameras, choose) {
  const main = document.getElementById("cameras");
  const names = cameras.map((camera) => camera.name);
  for (const [name, tile] of tiles) {
    if (!names.includes(name) && ++tile.missing > MOST_MISSING) {
      tile.root.remove();
      tiles.delete(name);
    }
  }
  cameras.forEach((camera, index) => {
    let tile = tiles.get(camera.name);
    if (!tile) {
      tile = new Tile(camera.name, choose);
      tiles.set(camera.name, tile);
      main.insertBefore(tile.root, main.children[index] ?? null);
    }
    tile.update(camera);
  });
}

export function poses(message) {
  tiles.get(message.camera)?.poses(message);
}

export function redraw() {
  tiles.forEach((tile) => tile.redraw());
}

// Shows only the camera `name`; all, if it is null.
export function choose(name) {
  document.body.classList.toggle("large", name !== null);
  for (const tile of tiles.values()) {
    tile.root.classList.toggle("chosen", tile.name === name);
    tile.button.setAttribute("aria-expanded", String(tile.name === name));
  }
  redraw();
}

export function picture(name, address, failed) {
  tiles.get(name)?.picture(address, failed);
}

export function find(name) {
  return tiles.get(name);
}

export function focus(name) {
  tiles.get(name)?.button.focus();
}

// Moves the focus by `step` tiles.
export function step(step) {
  const all = [...tiles.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const at = all.findIndex((tile) => tile.root.contains(document.activeElement));
  const to = at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1);
  all[to]?.button.focus();
}
