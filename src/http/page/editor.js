// The zone editor over one camera: its panel, and how zones are read, copied and saved.

import * as shapes from "./shapes.js";
import { Hand } from "./hand.js";
import { Plan } from "./plan.js";
import { sketch } from "./sketch.js";
import { trace } from "./draw.js";

const HINTS = {
  zone: "Click or tap the corners in order. The first one again, or Enter, finishes; Esc cancels.",
  line: "Click or tap where the line starts, then where it ends. Esc cancels.",
  chosen: "Drag points to move them, small ones to add corners.",
  none: "Choose a zone or a line, or add one. Traces of people gather while this is open.",
};

const seconds = (text) => (text === "" ? null : Number(text));

export class Editor {
  // `tile` shows the camera; `close` is called at the end.
  constructor(tile, close) {
    this.tile = tile;
    this.close = close;
    // Whether changes may be dropped.
    this.sure = false;
    this.refused = [];
    this.plan = new Plan(() => {
      this.sure = false;
      this.render();
    });
    this.panel = document.getElementById("editor").content.firstElementChild.cloneNode(true);
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.svg.setAttribute("class", "sketch");
    this.traces = document.createElement("canvas");
    this.traces.className = "traces";
    const stage = tile.find(".stage");
    stage.prepend(this.traces);
    stage.append(this.svg);
    tile.root.append(this.panel);
    document.body.classList.add("editing");
    tile.edit((message) => trace(this.traces, message));
    this.hand = new Hand(this.svg, this.plan);
    this.sizes = new ResizeObserver(() => this.render());
    this.sizes.observe(stage);
    this.listen();
    this.load();
  }

  find(selector) {
    return this.panel.querySelector(selector);
  }

  // Takes the editor off the page.
  end() {
    this.sizes.disconnect();
    [this.svg, this.traces, this.panel].forEach((element) => element.remove());
    document.body.classList.remove("editing");
    this.tile.edit(null);
  }

  listen() {
    const { plan } = this;
    const on = (selector, event, act) => this.find(selector).addEventListener(event, act);
    for (const kind of ["zone", "line"]) {
      on(`.add-${kind}`, "click", (event) => {
        // A click without a pointer comes from the keyboard, which cannot click corners.
        plan.add(kind, event.detail > 0);
        if (event.detail === 0) this.hand.focus();
      });
    }
    on(".undo", "click", () => plan.undo());
    on(".grow", "click", () => plan.addPoint());
    on(".shrink", "click", () => plan.deletePoint());
    on(".turn", "click", () => plan.change(null, (shape) => shape.points.reverse()));
    on(".delete", "click", () => {
      plan.deleteShape();
      this.find(".add-zone").focus();
    });
    on(".name", "input", ({ target }) => plan.change("name", (shape) => (shape.name = target.value)));
    on(".by", "change", ({ target }) => plan.change(null, (shape) => (shape.by = target.value)));
    on(".dwell", "input", ({ target }) => plan.change("dwell", (shape) => (shape.dwell = seconds(target.value))));
    on(".shapes", "click", ({ target }) => target.dataset.index && plan.choose(Number(target.dataset.index)));
    on(".copy", "click", () => this.copy());
    on(".save", "click", () => this.save());
    on(".close", "click", () => this.leave());
  }

  // Keys that count wherever the focus is. Returns whether it was one.
  pageKey(event) {
    const { plan } = this;
    const inField = event.target.matches?.("input, textarea, select");
    if (event.key === "Escape") {
      if (plan.drawing || plan.shape) plan.choose(null);
      else this.leave();
    } else if (event.key === "Enter" && plan.drawing) {
      plan.finish();
    } else if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !inField) {
      plan.undo();
    } else {
      return false;
    }
    event.preventDefault();
    return true;
  }

  // Closes the editor; asks once if something would be lost.
  leave() {
    if (this.sure || !this.plan.isChanged()) {
      this.close();
      return;
    }
    this.say("There are changes that are not saved. Close again to drop them.", true);
    this.sure = true;
    this.render();
  }

  say(text, isBad = false) {
    const line = this.find(".said");
    line.textContent = text;
    line.classList.toggle("bad", isBad);
  }

  async ask(options) {
    const reply = await fetch(`zones?camera=${encodeURIComponent(this.tile.name)}`, options);
    const text = await reply.text();
    let answer = {};
    try {
      answer = JSON.parse(text);
    } catch {}
    if (reply.ok) return answer;
    this.refused = (answer.problems ?? []).map(({ key, reason, remedy }) => `${key}: ${reason}: ${remedy}`);
    throw new Error(answer.error ?? (text.trim() || reply.status));
  }

  take(sheet) {
    this.plan.take(sheet);
    this.find(".save").hidden = !sheet.edit;
    this.render();
  }

  async load() {
    try {
      const sheet = await this.ask({});
      this.take(sheet);
      if (!sheet.edit) this.say("Saving is off: copy the TOML, or set edit = true in [http].");
    } catch (e) {
      this.say(`The zones cannot be read: ${e.message}`, true);
    }
  }

  async save() {
    this.refused = [];
    this.say("Saving…");
    this.find(".save").disabled = true;
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify(shapes.toChange(this.plan.shapes, this.plan.version));
    try {
      const sheet = await this.ask({ method: "POST", headers, body });
      this.take(sheet);
      const note = sheet.note ? `, but not in force: ${sheet.note}` : ". The camera restarts with it.";
      this.say(`Saved in ${sheet.file}${note}`, Boolean(sheet.note));
    } catch (e) {
      this.render();
      this.say(`Not saved: ${e.message}`, true);
    }
  }

  // The clipboard is there only by https or on this machine.
  async copy() {
    const text = shapes.toml(this.tile.name, this.plan.shapes);
    const area = this.find(".toml");
    try {
      await navigator.clipboard.writeText(text);
      area.hidden = true;
      this.say("Copied. Paste it below the camera's section in posed.toml.");
    } catch {
      area.hidden = false;
      area.value = text;
      area.rows = Math.min(16, text.split("\n").length);
      area.focus();
      area.select();
      this.say("Copy this text, and paste it below the camera's section in posed.toml.");
    }
  }

  render() {
    const { plan } = this;
    const isFocused = this.svg.contains(document.activeElement);
    sketch(this.svg, plan);
    if (isFocused) this.hand.focus();
    this.renderList();
    this.renderFields();
    const wrong = shapes.allProblems(plan.shapes);
    this.renderProblems([...wrong, ...this.refused]);
    const isUnfit = wrong.length > 0 || plan.drawing !== null;
    this.find(".undo").disabled = !plan.drawing && plan.past.length === 0;
    this.find(".copy").disabled = isUnfit;
    this.find(".save").disabled = isUnfit || !plan.isChanged();
    this.find(".close").textContent = this.sure ? "Drop changes" : "Close";
    const hint = HINTS[plan.drawing ? plan.drawing.kind : plan.shape ? "chosen" : "none"];
    if (this.find(".hint").textContent !== hint) this.find(".hint").textContent = hint;
    for (const kind of ["zone", "line"]) {
      const word = plan.drawing?.points.length >= 3 ? "Finish" : "Cancel";
      this.find(`.add-${kind}`).textContent = plan.drawing?.kind === kind ? word : `Add a ${kind}`;
    }
  }

  // A screen reader reads every change aloud.
  renderProblems(texts) {
    const list = this.find(".problems");
    if (list.dataset.texts === texts.join()) return;
    list.dataset.texts = texts.join();
    list.replaceChildren(...texts.map((text) => {
      const item = document.createElement("li");
      item.textContent = text;
      return item;
    }));
  }

  renderList() {
    const { plan } = this;
    const list = this.find(".shapes");
    const isFocused = list.contains(document.activeElement);
    list.replaceChildren(...plan.shapes.map((shape, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.index = index;
      button.dataset.kind = shape.kind;
      button.setAttribute("aria-pressed", index === plan.chosen);
      button.classList.toggle("bad", shapes.problems(shape, plan.shapes).length > 0);
      button.textContent = shape.name || "(no name)";
      button.setAttribute("aria-label", `${shape.kind} ${button.textContent}`);
      const item = document.createElement("li");
      item.append(button);
      return item;
    }));
    if (isFocused) list.querySelector("[aria-pressed=true]")?.focus();
  }

  renderFields() {
    const { shape } = this.plan;
    this.find(".fields").hidden = shape === null;
    if (!shape) return;
    const isZone = shape.kind === "zone";
    this.find("legend").textContent = isZone ? `Zone, ${shape.points.length} corners` : "Line";
    const set = (selector, value, read = (text) => text) => {
      const field = this.find(selector);
      if (read(field.value) !== value) field.value = value ?? "";
    };
    set(".name", shape.name);
    set(".by", shape.by);
    // A number that is being typed stays as it is typed.
    set(".dwell", shape.dwell, seconds);
    for (const selector of [".dwell-row", ".grow", ".shrink"]) this.find(selector).hidden = !isZone;
    this.find(".turn").hidden = isZone;
    this.find(".delete").textContent = `Delete the ${shape.kind}`;
  }
}
