// Colour scales. Each mode: what a channel's number is, its range, its palette, and which channels it colours.

const SILENT = [66, 76, 86], GROUND = [20, 24, 29];
const pack = (r, g, b) => (255 << 24 | b << 16 | g << 8 | r) >>> 0;
const css = (c) => `rgb(${c & 255},${c >> 8 & 255},${c >> 16 & 255})`;

function palette(hex) {
  const table = new Uint32Array(hex.length / 6);
  for (let i = 0; i < table.length; i++) {
    const [r, g, b] = [0, 2, 4].map((k) => parseInt(hex.slice(6 * i + k, 6 * i + k + 2), 16));
    table[i] = pack(r, g, b);
  }
  return table;
}

const palettes = Object.fromEntries(Object.entries(page.palettes).map(([name, hex]) => [name, palette(hex)]));
const symmetric = (limit) => [-limit, limit];
const chargeRange = (charge) => {
  const positive = Array.from(charge).filter((q) => q > 0);
  const low = Math.max(quantile(positive, 0.02, 0.5), 1e-3);
  return [Math.log10(low), Math.log10(Math.max(quantile(positive, 0.9999, 1), 2 * low))];
};

// the signed root of the Poisson deviance: about standard normal where the prediction holds
function pull(seen, mean) {
  const deviance = 2 * (mean - seen + (seen > 0 ? seen * Math.log(seen / mean) : 0));
  return Math.sign(seen - mean) * Math.sqrt(Math.max(deviance, 0));
}

const MODES = {
  charge: {
    label: "charge", title: "charge [pe]", palette: "charge", logarithmic: true,
    range: (e) => chargeRange(Float32Array.from(e.channel, (c) => e.charge[c])),
    value: (e, c) => e.isHit(c) ? Math.log10(Math.max(e.charge[c], 1e-6)) : NaN,
  },
  time: {
    label: "time", title: "time [ns]", palette: "time",
    range: (e) => [e.early, e.late], value: (e, c) => e.time[c],
  },
  predicted: {
    label: "predicted charge", title: "predicted charge [pe]", palette: "charge", logarithmic: true, needsPrediction: true,
    range: (e) => MODES.charge.range(e),
    value: (e, c) => e.predicted.charge[c] > 0.02 ? Math.log10(e.predicted.charge[c]) : NaN, when: (e, c) => e.predicted.time[c],
  },
  pull: {
    label: "charge residual", title: "charge: observed − predicted [σ]", palette: "difference", needsPrediction: true,
    range: () => symmetric(5), value: (e, c) => {
      const mean = Math.max(e.predicted.charge[c], 1e-4);
      return e.isHit(c) || mean > 0.3 ? pull(e.charge[c], mean) : NaN;
    },
    when: (e, c) => e.isHit(c) ? e.time[c] : e.predicted.time[c],
  },
  delay: {
    label: "time residual", title: "time: observed − predicted [ns]", palette: "difference", needsPrediction: true,
    range: () => symmetric(10), value: (e, c) => e.time[c] - e.predicted.time[c],
  },
};

const available = () => Object.keys(MODES).filter((name) => !MODES[name].needsPrediction || state.event.predicted);

// colour, time of appearance and drawing order of every channel in the chosen mode
function paint() {
  const { detector, event } = state, mode = MODES[state.mode], table = palettes[mode.palette];
  const [low, high] = mode.range(event), last = table.length - 1;
  const colour = new Uint32Array(detector.count), when = new Float32Array(detector.count).fill(NaN);
  const seen = [];
  for (let c = 0; c < detector.count; c++) {
    const value = mode.value(event, c);
    if (value !== value) continue;
    const share = (value - low) / (high - low);
    colour[c] = table[Math.round(last * Math.min(Math.max(share, 0), 1))];
    const appears = mode.when ? mode.when(event, c) : event.time[c];
    when[c] = appears === appears ? appears : event.end;
    seen.push([mode.palette === "difference" ? Math.abs(value) : mode.palette === "time" ? event.charge[c] : value, c]);
  }
  seen.sort((a, b) => a[0] - b[0]);
  state.paint = { colour, when, order: Int32Array.from(seen, (pair) => pair[1]), low, high, mode, table };
}

function ticks(low, high, logarithmic) {
  const marks = [];
  if (logarithmic) {
    for (let e = -4; e < 8; e++) for (const m of [1, 2, 5]) {
      const value = Math.log10(m) + e;
      if (value >= low && value <= high) marks.push([value, String(+(m * 10 ** e).toPrecision(3))]);
    }
    return marks.length > 9 ? marks.filter(([, text]) => /^(0\.0*)?10*$/.test(text)) : marks;
  }
  const raw = (high - low) / 5, base = 10 ** Math.floor(Math.log10(raw));
  const step = base * [1, 2, 5, 10].find((m) => m * base >= raw);
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9; value += step) marks.push([value, String(+value.toFixed(6))]);
  return marks;
}
