// Pointer and keys on the editor's drawing.

import { clamp, round } from "./shapes.js";

// How far an arrow key moves a point, as a share of the picture.
const STEP = 0.01;
const FINE_STEP = 0.001;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Hand {
  constructor(svg, plan) {
    this.svg = svg;
    this.plan = plan;
    this.drag = null;
    svg.addEventListener("pointerdown", (event) => this.down(event));
    // It would take the focus away from the point that was grabbed.
    svg.addEventListener("mousedown", (event) => event.preventDefault());
    svg.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (this.drag = null));
    svg.addEventListener("keydown", (event) => this.key(event));
    svg.addEventListener("focusin", (event) => this.focused(event.target));
  }

  // The pointer's place as fractions of the picture.
  place(event) {
    const box = this.svg.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  down(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    const { plan } = this;
    const from = this.place(event);
    const { point, side, index, first } = event.target.dataset;
    if (plan.drawing) {
      plan.draw(from.map(round), first !== undefined);
      return;
    }
    const isPoint = point !== undefined || side !== undefined;
    if (point !== undefined) plan.point = Number(point);
    else if (side !== undefined) plan.addPoint(Number(side));
    else plan.choose(index === undefined ? null : Number(index));
    const points = structuredClone(plan.shape?.points);
    this.drag = plan.shape && { isPoint, from, points, moved: side !== undefined };
    plan.changed();
    if (isPoint) this.focus();
  }

  move(event) {
    const { plan } = this;
    const point = this.place(event);
    if (plan.drawing) {
      plan.drawing.pointer = point.map(clamp);
      plan.changed();
      return;
    }
    if (!this.drag || !plan.shape) return;
    if (!this.drag.moved) {
      plan.remember();
      this.drag.moved = true;
    }
    const { isPoint, from, points } = this.drag;
    if (isPoint) {
      plan.shape.points[plan.point] = point.map(round);
    } else {
      // The whole shape moves, as far as the picture goes.
      const by = [0, 1].map((axis) => {
        const all = points.map((corner) => corner[axis]);
        return Math.min(Math.max(point[axis] - from[axis], -Math.min(...all)), 1 - Math.max(...all));
      });
      plan.shape.points = points.map((corner) => corner.map((value, axis) => round(value + by[axis])));
    }
    plan.changed();
  }

  focused({ dataset: { point } }) {
    if (point === undefined || this.plan.point === Number(point)) return;
    this.plan.point = Number(point);
    this.plan.changed();
  }

  focus() {
    this.svg.querySelector(`[data-point="${this.plan.point}"]`)?.focus();
  }

  // A key on a point.
  key(event) {
    const { plan } = this;
    if (event.altKey || event.ctrlKey || event.metaKey || !plan.shape) return;
    if (event.key in ARROWS) {
      const step = event.shiftKey ? FINE_STEP : STEP;
      plan.change(`move ${plan.point}`, ({ points }) => {
        const by = ARROWS[event.key];
        points[plan.point] = points[plan.point].map((value, axis) => round(value + by[axis] * step));
      });
    } else if (event.key === "Insert" || event.key === "+") {
      plan.addPoint();
    } else if (event.key === "Delete" || event.key === "Backspace") {
      plan.deletePoint();
    } else {
      return;
    }
    event.preventDefault();
    this.focus();
  }
}
