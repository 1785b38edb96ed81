// What the page shows: the detector, the event and what the person chose. Arrays are per channel.

const page = JSON.parse(document.getElementById("data").textContent);
const byId = (name) => document.getElementById(name);

const state = {
  detector: null, event: null, index: 0, mode: "charge", cursor: Infinity, playing: false, nearWall: true,
  hidden: new Set(), hovered: -1, pinned: -1,
  camera: { azimuth: 0, elevation: 0.35, zoom: 1 },
  map: { x: 0, y: 0, zoom: 1 },
};

async function unpack(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Kind(await new Response(stream).arrayBuffer());
}

async function loadDetector(packed) {
  const [position, normal, radius, flat] = await Promise.all(
    [packed.position, packed.normal, packed.radius, packed.flat].map((text) => unpack(text, Float32Array)));
  const count = radius.length;
  let low = [Infinity, Infinity], high = [-Infinity, -Infinity], extent = 0;
  for (let i = 0; i < count; i++) {
    for (const axis of [0, 1]) {
      low[axis] = Math.min(low[axis], flat[2 * i + axis] - radius[i]);
      high[axis] = Math.max(high[axis], flat[2 * i + axis] + radius[i]);
    }
    extent = Math.max(extent, Math.hypot(position[3 * i], position[3 * i + 1], position[3 * i + 2]));
  }
  return { ...packed, count, position, normal, radius, flat, low, high, extent };
}

async function loadEvent(packed) {
  const count = state.detector.count;
  const [channel, hitCharge, hitTime] = await Promise.all(
    [unpack(packed.channel, Int32Array), unpack(packed.charge, Float32Array), unpack(packed.time, Float32Array)]);
  const charge = new Float32Array(count), time = new Float32Array(count).fill(NaN);
  channel.forEach((c, i) => { charge[c] = hitCharge[i]; time[c] = hitTime[i]; });
  const event = { ...packed, channel, charge, time, predicted: null, photons: null };
  if (packed.prediction) {
    const [mean, when] = await Promise.all(
      [unpack(packed.prediction.charge, Float32Array), unpack(packed.prediction.time, Float32Array)]);
    event.predicted = { of: packed.prediction.of, charge: mean, time: when };
  }
  event.isHit = (c) => time[c] === time[c];
  event.early = quantile(hitTime, 0.02, 0);
  event.late = Math.max(quantile(hitTime, 0.98, 1), event.early + 1);
  if (packed.photons) event.photons = await loadPhotons(packed.photons);
  event.start = Math.min(event.early, event.photons ? event.photons.start : Infinity) - 5;
  event.end = event.late + 0.1 * (event.late - event.early) + 5;
  return event;
}

// packed events: in this page, or asked for from the local server that made it
async function fetchEvent(index) {
  if (page.events[index]) return page.events[index];
  const answer = await fetch(`events/${index}`);
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

function quantile(values, share, otherwise) {
  const sorted = Float32Array.from(values).filter(Number.isFinite).sort();
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : otherwise;
}

const shownHits = () => {
  const { channel, time } = state.event;
  let count = 0, charge = 0;
  for (const c of channel) if (time[c] <= state.cursor) { count++; charge += state.event.charge[c]; }
  return { count, charge };
};
