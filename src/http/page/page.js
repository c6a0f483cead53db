// The page: one stream of events from the daemon, its state in words, keys and theme.

import * as tiles from "./tiles.js";
import { Editor } from "./editor.js";

// The daemon speaks once a second; after this silence the stream is opened anew.
const SILENCE_MS = 5000;
const RETRY_MS = 1000;
const TILE_FPS = 12;
const LARGE_FPS = 25;
const EVENTS = 20;
const ALARMS = ["fall", "help"];
const THEMES = ["system", "light", "dark"];

const summary = document.getElementById("summary");
const back = document.getElementById("back");
let stream = null;
let retry = 0;
let heard = 0;
let version = null;
let large = null;
let pictures = false;
let days = false;
let pictured = null;
let editor = null;

// Says it only if it is news: a screen reader reads every change aloud.
function say(text, lost = false) {
  if (summary.textContent !== text) summary.textContent = text;
  summary.classList.toggle("lost", lost);
  document.body.classList.toggle("live", !lost);
}

function open() {
  close();
  const query = large === null ? `fps=${TILE_FPS}` : `fps=${LARGE_FPS}&camera=${encodeURIComponent(large)}`;
  stream = new EventSource(`feed?${query}`);
  stream.addEventListener("status", (event) => status(JSON.parse(event.data)));
  stream.addEventListener("poses", (event) => tiles.poses(JSON.parse(event.data)));
  stream.addEventListener("event", (event) => happened(JSON.parse(event.data)));
  // The daemon sends its last events again to every stream.
  stream.onopen = () => document.getElementById("events").replaceChildren();
  stream.onerror = () => lose();
  heard = performance.now();
}

function close() {
  clearTimeout(retry);
  stream?.close();
  stream = null;
}

// The browser's own attempts end for good if the daemon answers with an error, so these are ours.
function lose() {
  say("Connection lost. Trying again…", true);
  close();
  retry = setTimeout(open, RETRY_MS);
}

function status(now) {
  heard = performance.now();
  if (version !== null && version !== now.version) location.reload();
  version = now.version;
  allow(now.snapshots);
  days = now.history;
  tiles.update(now.cameras, (name) => show(large === name ? null : name));
  const online = now.cameras.filter((camera) => camera.status === "online").length;
  say(`${online} of ${now.cameras.length} cameras online, broker ${now.broker}`);
  if (large !== null && !tiles.find(large)) show(null);
  else tiles.choose(large);
  tools();
}

// An event of the daemon, or its next state, in words.
function happened(event) {
  const list = document.getElementById("events");
  document.getElementById("happenings").hidden = false;
  const item = document.createElement("li");
  const time = document.createElement("time");
  const at = new Date(event.at ?? Date.now());
  time.dateTime = at.toISOString();
  time.textContent = at.toLocaleTimeString();
  const what = document.createElement("span");
  const words = [event.type, event.zone ?? event.line, event.state, event.direction];
  const person = event.person == null ? "" : `#${event.person}`;
  if (ALARMS.includes(event.type)) item.className = "alarm";
  what.textContent = [event.camera, words.filter(Boolean).join(" ").replaceAll("_", " "), person].filter(Boolean).join(" · ");
  item.append(time, what);
  list.prepend(item);
  while (list.children.length > EVENTS) list.lastElementChild.remove();
}

// Pictures are there only if the configuration allows them.
function allow(snapshots) {
  if (pictures === snapshots) return;
  pictures = snapshots;
  document.getElementById("privacy").textContent = pictures
    ? "A picture is shown only if you ask for one: [http] snapshots is true."
    : "Skeletons only: no picture is shown, and none leaves the box.";
  picture(null);
}

// Shows the buttons that make sense now.
function tools() {
  const isThere = large !== null && tiles.find(large) !== undefined;
  back.hidden = large === null || editor !== null;
  document.getElementById("picture").hidden = !isThere || !pictures;
  document.getElementById("edit").hidden = !isThere || editor !== null;
  const day = document.getElementById("day");
  day.hidden = !isThere || !days || editor !== null;
  day.href = `day?camera=${encodeURIComponent(large)}`;
}

function picture(name) {
  const button = document.getElementById("picture");
  if (pictured !== null && pictured !== name) tiles.picture(pictured, null);
  pictured = name;
  button.textContent = name === null ? "Show a picture" : "Hide the picture";
  if (name === null) return;
  tiles.picture(name, `still?camera=${encodeURIComponent(name)}&at=${Date.now()}`, () => {
    pictured = null;
    button.textContent = "No picture came: try again";
  });
}

// The address names the camera, so that the browser's way back works and a view can be kept.
function show(name) {
  const hash = name === null ? "" : `#camera=${encodeURIComponent(name)}`;
  if (location.hash !== hash) history.pushState(null, "", hash || location.pathname);
  follow();
}

// Opens the zone editor over the large camera, on a picture if that is allowed.
function edit() {
  editor = new Editor(tiles.find(large), closeEditor);
  if (pictures && pictured === null) picture(large);
  tools();
}

function closeEditor() {
  editor?.end();
  editor = null;
  tools();
  document.getElementById("edit").focus();
}

function follow() {
  const named = /^#camera=(.+)$/.exec(location.hash);
  const before = large;
  large = named ? decodeURIComponent(named[1]) : null;
  tiles.choose(large);
  if (before !== large) {
    if (editor) closeEditor();
    picture(null);
    open();
    tiles.focus(large ?? before);
  }
  tools();
}

function theme(name) {
  const root = document.documentElement;
  if (name === "system") delete root.dataset.theme;
  else root.dataset.theme = name;
  const button = document.getElementById("theme");
  button.title = `Theme: ${name}`;
  button.setAttribute("aria-label", button.title);
  tiles.redraw();
}

// A browser may forbid the storage; then the choice lasts as long as the page.
let chosen = "system";
try {
  chosen = localStorage.getItem("theme") ?? "system";
} catch {}
if (!THEMES.includes(chosen)) chosen = "system";
theme(chosen);
document.getElementById("theme").addEventListener("click", () => {
  chosen = THEMES[(THEMES.indexOf(chosen) + 1) % THEMES.length];
  theme(chosen);
  try {
    localStorage.setItem("theme", chosen);
  } catch {}
});

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
document.addEventListener("keydown", (event) => {
  // Ctrl+Z and the like are the editor's.
  if (editor?.pageKey(event)) return;
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape" && large !== null) show(null);
  const inTiles = document.activeElement?.closest(".tile");
  if (event.key in STEPS && inTiles && large === null) {
    tiles.step(STEPS[event.key]);
    event.preventDefault();
  }
});
back.addEventListener("click", () => show(null));
document.getElementById("picture").addEventListener("click", () => picture(pictured === null ? large : null));
document.getElementById("edit").addEventListener("click", edit);
addEventListener("beforeunload", (event) => {
  if (editor?.plan.isChanged()) event.preventDefault();
});
addEventListener("popstate", follow);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tiles.redraw);

// A page that nobody sees costs the daemon nothing.
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
setInterval(() => {
  if (stream && performance.now() - heard > SILENCE_MS) lose();
}, 1000);

follow();
if (!stream) open();
