// Buttons, pointer, keys and the loop that draws what has changed.

const space = new SpaceView(byId("space")), flat = new FlatView(byId("flat"));
let dirty = false, busy = false, before = 0;

function redraw() {
  if (dirty) return;
  dirty = true;
  requestAnimationFrame((now) => { dirty = false; frame(now); });
}

function frame(now) {
  if (!state.event) return;
  if (state.playing) advance(now);
  drawAll();
  if (state.playing) redraw();
}

function drawAll() {
  space.draw();
  flat.draw();
  drawHistogram(byId("histogram"));
  drawScatter(byId("scatter"));
  tellTime();
}

function advance(now) {
  const { start, end } = state.event, seconds = Math.min(now - before, 200) / 1000;
  before = now;
  state.cursor += seconds * Number(byId("speed").value) * (end - start) / 8;
  if (state.cursor >= end) { state.cursor = Infinity; play(false); }
  byId("time").value = state.cursor < end ? 1000 * (state.cursor - start) / (end - start) : 1000;
}

function play(on) {
  state.playing = on;
  byId("play").textContent = on ? "❚❚ pause" : "▶ play";
  if (!on) return;
  before = performance.now();
  if (!(state.cursor < state.event.end)) state.cursor = state.event.start;
  redraw();
}

function setCursor(share) {
  const { start, end } = state.event;
  state.cursor = share >= 1 ? Infinity : start + Math.max(share, 0) * (end - start);
  byId("time").value = 1000 * Math.min(Math.max(share, 0), 1);
  redraw();
}

function tellTime() {
  const { count, charge } = shownHits(), { cursor, event } = state;
  const whole = cursor === Infinity ? "all times" : `until ${cursor.toFixed(1)} ns`;
  byId("now").textContent = `${whole}: ${count} of ${event.channel.length} hits, ${charge.toFixed(0)} pe`;
}

function setMode(name) {
  state.mode = available().includes(name) ? name : "charge";
  paint();
  for (const button of byId("modes").children) {
    const chosen = button.dataset.mode === state.mode;
    button.setAttribute("aria-checked", chosen);
    button.tabIndex = chosen ? 0 : -1;
    button.hidden = !available().includes(button.dataset.mode);
  }
  redraw();
}

function listTracks() {
  byId("tracks").replaceChildren(...state.event.tracks.map((track) => {
    const label = document.createElement("label"), box = document.createElement("input"), line = document.createElement("i");
    label.className = "track";
    box.type = "checkbox";
    box.checked = !state.hidden.has(track.name);
    box.addEventListener("change", () => { toggle(track.name); });
    line.style.borderTopColor = track.colour;
    line.className = track.dashed ? "dashed" : "";
    label.append(box, line, track.label);
    label.title = `show or hide (${track.name[0]})`;
    return label;
  }));
}

function toggle(name) {
  state.hidden.has(name) ? state.hidden.delete(name) : state.hidden.add(name);
  listTracks();
  listPhotons();
  redraw();
}

// start looking from the dark side to the side with the most light, a little from above and aside
function resetViews() {
  let x = 0, y = 0;
  for (const c of state.event.channel) {
    x += state.event.charge[c] * state.detector.position[3 * c];
    y += state.event.charge[c] * state.detector.position[3 * c + 1];
  }
  state.camera = { azimuth: Math.atan2(-y, -x) + 0.55, elevation: 0.35, zoom: 1 };
  state.map = { x: 0, y: 0, zoom: 1 };
  redraw();
}

async function openEvent(index) {
  if (busy || index < 0 || index >= page.numbers.length) return;
  busy = true;
  try {
    state.event = await loadEvent(await fetchEvent(index));
    state.index = index;
    byId("trouble").hidden = true;
  } catch (error) {
    byId("trouble").textContent = `Event ${page.numbers[index]} cannot be shown: ${error.message}`;
    byId("trouble").hidden = false;
    return;
  } finally { busy = false; }
  state.cursor = Infinity;
  state.hovered = state.pinned = -1;
  play(false);
  byId("time").value = 1000;
  byId("number").value = page.numbers[index];
  byId("previous").disabled = index === 0;
  byId("next").disabled = index === page.numbers.length - 1;
  byId("summary").textContent = state.event.summary;
  byId("compare").hidden = !state.event.predicted;
  byId("note").textContent = state.event.note;
  listTracks();
  listPhotons();
  setMode(state.mode);
  tellChannel();
  resetViews();
  drawAll();
}

function tellChannel() {
  const c = chosenChannel(), { detector, event } = state, rows = [];
  if (document.activeElement !== byId("find")) byId("find").value = c < 0 ? "" : c;
  if (c >= 0) {
    const place = Array.from(detector.position.subarray(3 * c, 3 * c + 3), (v) => v.toFixed(2)).join(", ");
    rows.push(["charge", event.isHit(c) ? `${event.charge[c].toFixed(2)} pe` : "no hit"]);
    if (event.isHit(c)) rows.push(["time", `${event.time[c].toFixed(1)} ns`]);
    if (event.predicted) {
      const mean = event.predicted.charge[c];
      rows.push(["predicted", `${mean.toPrecision(3)} pe, ${event.predicted.time[c].toFixed(1)} ns`]);
      const late = event.isHit(c) ? `, ${(event.time[c] - event.predicted.time[c]).toFixed(1)} ns` : "";
      rows.push(["residual", `${pull(event.charge[c], Math.max(mean, 1e-4)).toFixed(1)} σ${late}`]);
    }
    rows.push(["place", `(${place}) m`]);
    for (const track of event.tracks) {
      const away = Math.hypot(...track.line[0].map((v, i) => v - detector.position[3 * c + i]));
      rows.push([`to vertex`, `${away.toFixed(2)} m (${track.name})`]);
    }
  }
  byId("facts").replaceChildren(...rows.flatMap(([name, text]) => [["dt", name], ["dd", text]]).map(([tag, text]) => {
    const entry = document.createElement(tag);
    entry.textContent = text;
    return entry;
  }));
}

function choose(channel, pin) {
  state[pin ? "pinned" : "hovered"] = channel;
  tellChannel();
  redraw();
}

function savePicture() {
  const sheet = document.createElement("canvas"), head = 40 * space.ratio, pen = sheet.getContext("2d");
  sheet.width = space.width + flat.width;
  sheet.height = Math.max(space.height, flat.height) + head;
  pen.fillStyle = css(pack(...GROUND));
  pen.fillRect(0, 0, sheet.width, sheet.height);
  drawAll();
  pen.drawImage(space.canvas, 0, head);
  pen.drawImage(flat.canvas, space.width, head);
  pen.fillStyle = "#dfe4e8";
  pen.textBaseline = "middle";
  pen.font = `bold ${15 * space.ratio}px system-ui, sans-serif`;
  const title = `${page.title}, event ${page.numbers[state.index]}`;
  pen.fillText(title, 14 * space.ratio, head / 2);
  const used = pen.measureText(title).width;
  pen.font = `${13 * space.ratio}px system-ui, sans-serif`;
  pen.fillText(state.event.summary, 30 * space.ratio + used, head / 2);
  let x = sheet.width - 14 * space.ratio;
  pen.textAlign = "right";
  for (const track of shownTracks().reverse()) {
    pen.fillStyle = track.colour;
    pen.fillText(track.label, x, head / 2);
    x -= pen.measureText(track.label).width + 20 * space.ratio;
  }
  const link = document.createElement("a");
  link.download = `event_${page.numbers[state.index]}_${state.mode}.png`;
  link.href = sheet.toDataURL("image/png");
  link.click();
  return link.href;
}
