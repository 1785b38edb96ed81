// Connect everything, show the first event.

const KEYS = [
  ["n", "next event", () => openEvent(state.index + 1)],
  ["p", "previous event", () => openEvent(state.index - 1)],
  [" ", "play or pause", () => play(!state.playing)],
  [",", "a little earlier", () => setCursor(Number(byId("time").value) / 1000 - 0.01)],
  [".", "a little later", () => setCursor(Number(byId("time").value) / 1000 + 0.01)],
  ...Object.keys(MODES).map((name, i) => [String(i + 1), `colour by ${MODES[name].label}`, () => setMode(name)]),
  ["t", "truth on or off", () => toggle("truth")],
  ["f", "fit on or off", () => toggle("fit")],
  ["l", "light: ways of photons on or off", () => toggle("photons")],
  ["b", "near wall on or off", () => byId("near").click()],
  ["ArrowLeft", "turn", () => turn(-0.08, 0)], ["ArrowRight", "turn", () => turn(0.08, 0)],
  ["ArrowUp", "turn", () => turn(0, 0.08)], ["ArrowDown", "turn", () => turn(0, -0.08)],
  ["+", "zoom in", () => zoom(1.15)], ["-", "zoom out", () => zoom(1 / 1.15)],
  ["r", "reset the views", resetViews],
  ["s", "save a picture", savePicture],
  ["?", "these keys", () => byId("help").click()],
];

function turn(azimuth, elevation) {
  state.camera.azimuth += azimuth;
  state.camera.elevation = Math.min(Math.max(state.camera.elevation + elevation, -1.57), 1.57);
  redraw();
}

function zoom(factor) {
  const target = document.activeElement === byId("flat") ? state.map : state.camera;
  target.zoom = Math.min(Math.max(target.zoom * factor, 0.4), 40);
  redraw();
}

function drag(view, move) {
  let last = null, travelled = 0;
  const { canvas } = view;
  canvas.addEventListener("pointerdown", (e) => { last = [e.clientX, e.clientY]; travelled = 0; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointermove", (e) => {
    if (!last) { choose(view.channelAt(e.clientX, e.clientY), false); return; }
    const dx = e.clientX - last[0], dy = e.clientY - last[1];
    last = [e.clientX, e.clientY];
    travelled += Math.abs(dx) + Math.abs(dy);
    move(dx, dy);
  });
  canvas.addEventListener("pointerup", (e) => {
    last = null;
    if (travelled < 4) choose(view.channelAt(e.clientX, e.clientY), true);
  });
  canvas.addEventListener("pointerleave", () => { if (!last) choose(-1, false); });
  canvas.addEventListener("wheel", (e) => {
    e.preventDefault();
    canvas.focus({ preventScroll: true });
    zoom(Math.exp(-0.0015 * e.deltaY));
  }, { passive: false });
}

function connect() {
  byId("modes").append(...Object.entries(MODES).map(([name, mode], i) => {
    const button = document.createElement("button");
    Object.assign(button, { textContent: mode.label, title: `${mode.title} (${i + 1})` });
    button.dataset.mode = name;
    button.setAttribute("role", "radio");
    button.addEventListener("click", () => setMode(name));
    return button;
  }));
  byId("keys").append(...KEYS.flatMap(([key, text]) => {
    const name = document.createElement("kbd"), what = document.createElement("span");
    name.textContent = { " ": "space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" }[key] || key;
    what.textContent = text;
    return [name, what];
  }));
  for (const [name, act] of [["previous", "p"], ["next", "n"], ["play", " "], ["reset", "r"], ["save", "s"]]) {
    byId(name).addEventListener("click", KEYS.find(([key]) => key === act)[2]);
  }
  byId("near").addEventListener("click", () => {
    state.nearWall = !state.nearWall;
    byId("near").setAttribute("aria-pressed", state.nearWall);
    redraw();
  });
  byId("help").addEventListener("click", () => {
    byId("keys").hidden = !byId("keys").hidden;
    byId("help").setAttribute("aria-expanded", !byId("keys").hidden);
  });
  byId("time").addEventListener("input", (e) => { play(false); setCursor(e.target.value / 1000); });
  byId("number").addEventListener("change", (e) => {
    const index = page.numbers.indexOf(Number(e.target.value));
    index >= 0 ? openEvent(index) : (e.target.value = page.numbers[state.index]);
  });
  byId("find").addEventListener("input", (e) => {
    const channel = e.target.value === "" ? -1 : Number(e.target.value);
    choose(Number.isInteger(channel) && channel < state.detector.count ? channel : -1, true);
  });
  const scrub = (e) => { if (e.buttons) { play(false); const box = e.target.getBoundingClientRect(); setCursor((e.clientX - box.left) / box.width); } };
  for (const kind of ["pointerdown", "pointermove"]) byId("histogram").addEventListener(kind, scrub);
  drag(space, (dx, dy) => turn(-0.008 * dx, 0.008 * dy));
  drag(flat, (dx, dy) => { state.map.x -= dx * flat.ratio / flat.scale; state.map.y += dy * flat.ratio / flat.scale; redraw(); });
  document.addEventListener("keydown", (e) => {
    const typing = e.target.matches("input[type=number], select"), onButton = e.key === " " && e.target.matches("button, input");
    const sliding = e.target.matches("input[type=range]") && e.key.startsWith("Arrow");
    if (typing || onButton || sliding || e.ctrlKey || e.metaKey || e.altKey) return;
    const entry = KEYS.find(([key]) => key === e.key || (key === "+" && e.key === "="));
    if (entry) { e.preventDefault(); entry[2](); }
  });
  new ResizeObserver(redraw).observe(document.body);
}

// frames per second that the browser shows, over so many, each with the camera turned a little further
async function measure(frames) {
  const shown = () => new Promise(requestAnimationFrame);
  await shown();
  const begin = performance.now();
  for (let i = 0; i < frames; i++) { state.camera.azimuth += 0.01; drawAll(); await shown(); }
  return 1000 * frames / (performance.now() - begin);
}

async function start() {
  connect();
  byId("title").textContent = page.title;
  byId("count").textContent = page.numbers.length > 1 ? `${page.numbers.length} events` : "";
  byId("navigation").hidden = page.numbers.length < 2;
  state.detector = await loadDetector(page.detector);
  byId("find").max = state.detector.count - 1;
  await openEvent(page.first);
}

// for tests and for pages that embed this one
window.lampyris = { state, openEvent, setMode, setCursor, play, measure, savePicture, pixels: () => [space.ids, flat.ids], ready: start() };
window.lampyris.ready.catch((error) => {
  byId("trouble").textContent = `The page cannot be shown: ${error.message}`;
  byId("trouble").hidden = false;
  throw error;
});
