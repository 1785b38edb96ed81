// Ways of photons: a line to where each is at the time of the cursor, and a mark where it ended.

async function loadPhotons(packed) {
  const [pieces, points, times, fate, flatEnd] = await Promise.all([
    unpack(packed.pieces, Int32Array), unpack(packed.points, Float32Array), unpack(packed.times, Float32Array),
    unpack(packed.fate, Int32Array), unpack(packed.flat_end, Float32Array)]);
  let first = 0;
  const ways = Array.from(pieces, (count, i) => {
    const way = { fate: packed.fates[fate[i]], points: [], times: [], flat: [flatEnd[2 * i], flatEnd[2 * i + 1]] };
    for (let k = first; k <= first + count; k++) {
      way.points.push(Array.from(points.subarray(3 * k, 3 * k + 3)));
      way.times.push(times[k]);
    }
    first += count + 1;
    return way;
  });
  return { ...packed, ways, start: quantile(ways.map((way) => way.times[0]), 0.02, 0) };
}

// the points that a photon has passed at a time, and where it is then; none before it is emitted
function passed(way, time) {
  const after = way.times.findIndex((t) => t > time);
  if (after < 0) return way.points;
  if (after === 0) return [];
  const share = (time - way.times[after - 1]) / (way.times[after] - way.times[after - 1]);
  const from = way.points[after - 1], to = way.points[after];
  return [...way.points.slice(0, after), from.map((v, i) => v + share * (to[i] - v))];
}

const ended = (way, time) => way.times[way.times.length - 1] <= time;
const shownWays = () => state.event.photons && !state.hidden.has("photons")
  ? state.event.photons.ways.filter((way) => !state.hidden.has(way.fate.name)) : [];

function drawWays(view) {
  view.context.globalAlpha = 0.7;
  for (const way of shownWays()) {
    const points = passed(way, state.cursor);
    if (points.length > 1) view.stroke(points, way.fate.colour, 1);
    if (points.length && ended(way, state.cursor)) drawMark(view, view.project(points[points.length - 1]), way.fate, 3);
  }
  view.context.globalAlpha = 1;
}

// where photons met the wall, on the map
function drawWayEnds(view) {
  for (const way of shownWays()) if (way.flat[0] === way.flat[0] && ended(way, state.cursor)) drawMark(view, view.project(way.flat), way.fate, 4);
}

function drawMark(view, [x, y], { mark, colour }, size) {
  const pen = view.context, r = size * view.ratio, s = 0.75 * r;
  const arms = { plus: [[-r, 0, r, 0], [0, -r, 0, r]], cross: [[-s, -s, s, s], [-s, s, s, -s]] }[mark];
  for (const [a, b, c, d] of arms || []) drawPath(view, [[x + a, y + b], [x + c, y + d]], colour, 1.5);
  if (mark !== "dot" && mark !== "ring") return;
  pen.beginPath();
  pen.arc(x, y, 0.8 * r, 0, 7);
  pen.fillStyle = pen.strokeStyle = colour;
  pen.lineWidth = 1.3 * view.ratio;
  mark === "dot" ? pen.fill() : pen.stroke();
}

// the legend of the fates, which switches each on and off
function listPhotons() {
  const { photons } = state.event;
  byId("photons").hidden = !photons;
  if (!photons) return;
  const all = document.createElement("button");
  const count = photons.ways.length, emitted = Math.round(photons.emitted);
  all.textContent = `${count} of ${emitted.toLocaleString("en")} photons of the true particle, drawn anew`;
  all.title = "show or hide all ways of photons (l)";
  all.setAttribute("aria-pressed", !state.hidden.has("photons"));
  all.addEventListener("click", () => toggle("photons"));
  byId("photons").replaceChildren(all, ...photons.fates.filter((fate) => fate.count).map((fate) => {
    const label = document.createElement("label"), box = document.createElement("input"), sign = document.createElement("canvas");
    label.className = "track";
    box.type = "checkbox";
    box.checked = !state.hidden.has(fate.name);
    box.addEventListener("change", () => toggle(fate.name));
    sign.width = sign.height = 14;
    drawMark({ context: sign.getContext("2d"), ratio: 1 }, [7, 7], fate, 5);
    label.append(box, sign, `${fate.name}: ${fate.count}`);
    label.title = "show or hide photons that end like this";
    return label;
  }));
}
