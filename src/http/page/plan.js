// What the editor changes: the zones and lines, which is chosen, and what was before.

import * as shapes from "./shapes.js";

const HISTORY = 100;
// What the keyboard starts with.
const START = {
  zone: [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]],
  line: [[0.5, 0.75], [0.5, 0.25]],
};

export class Plan {
  // `changed` is called after each change.
  constructor(changed) {
    this.changed = changed;
    this.shapes = [];
    this.saved = "[]";
    this.version = null;
    this.chosen = null;
    this.point = 0;
    // A shape that is being drawn: { kind, points, pointer }.
    this.drawing = null;
    this.past = [];
    this.lastTag = null;
  }

  get shape() {
    return this.chosen === null ? null : this.shapes[this.chosen];
  }

  isChanged() {
    return JSON.stringify(this.shapes) !== this.saved;
  }

  take(sheet) {
    const { kind, name } = this.shape ?? {};
    this.shapes = shapes.fromSheet(sheet);
    this.saved = JSON.stringify(this.shapes);
    this.version = sheet.version;
    this.past = [];
    const again = this.shapes.findIndex((shape) => shape.kind === kind && shape.name === name);
    this.choose(again < 0 ? null : again);
  }

  // Keeps what was, for Undo. Changes with the same tag in a row count as one.
  remember(tag = null) {
    if (tag !== null && tag === this.lastTag) return;
    this.lastTag = tag;
    this.past.push(JSON.stringify([this.shapes, this.chosen, this.point]));
    if (this.past.length > HISTORY) this.past.shift();
  }

  change(tag, act) {
    if (!this.shape) return;
    this.remember(tag === null ? null : `${tag} ${this.chosen}`);
    act(this.shape);
    this.changed();
  }

  undo() {
    if (this.drawing) {
      this.drawing.points.pop();
      if (this.drawing.points.length === 0) this.drawing = null;
    } else if (this.past.length > 0) {
      [this.shapes, this.chosen, this.point] = JSON.parse(this.past.pop());
    }
    this.lastTag = null;
    this.changed();
  }

  choose(index) {
    this.drawing = null;
    this.lastTag = null;
    this.chosen = index;
    this.point = 0;
    this.changed();
  }

  // Starts to draw, or finishes. Without a pointer, a shape is there at once.
  add(kind, hasPointer) {
    if (this.drawing?.kind === kind) {
      this.finish();
      return;
    }
    this.choose(null);
    this.drawing = { kind, points: hasPointer ? [] : structuredClone(START[kind]) };
    if (hasPointer) this.changed();
    else this.finish();
  }

  // Adds a point to what is being drawn.
  draw(point, closes) {
    const { kind, points } = this.drawing;
    // The second half of a double click is no corner of its own.
    if (points.at(-1)?.join() !== point.join() && !closes) points.push(point);
    if (closes || (kind === "line" && points.length === 2)) this.finish();
    else this.changed();
  }

  // Makes a shape of what was drawn, if that is enough.
  finish() {
    const { kind, points } = this.drawing;
    this.drawing = null;
    if (points.length >= (kind === "zone" ? 3 : 2)) {
      this.remember();
      const name = shapes.freeName(kind, this.shapes);
      this.shapes.push({ kind, was: null, name, by: "feet", dwell: null, points });
      this.chosen = this.shapes.length - 1;
      this.point = 0;
    }
    this.changed();
  }

  addPoint(index = this.point) {
    if (this.shape?.kind !== "zone") return;
    this.change(null, ({ points }) => {
      const [a, b] = [points[index], points[(index + 1) % points.length]];
      points.splice(index + 1, 0, [shapes.round((a[0] + b[0]) / 2), shapes.round((a[1] + b[1]) / 2)]);
      this.point = index + 1;
    });
  }

  deletePoint() {
    if (this.shape?.kind !== "zone" || this.shape.points.length <= 1) return;
    this.change(null, ({ points }) => {
      points.splice(this.point, 1);
      this.point = Math.max(0, this.point - 1);
    });
  }

  deleteShape() {
    if (!this.shape) return;
    this.remember();
    this.shapes.splice(this.chosen, 1);
    this.choose(null);
  }
}
