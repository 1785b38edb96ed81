// The histogram of hit times under the cursor, and observed against predicted charge.

function sized(canvas) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2), box = canvas.getBoundingClientRect();
  const width = Math.max(Math.round(box.width * ratio), 2), height = Math.max(Math.round(box.height * ratio), 2);
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  pen.font = `${11 * ratio}px system-ui, sans-serif`;
  return { pen, width, height, ratio };
}

function drawHistogram(canvas) {
  const { pen, width, height, ratio } = sized(canvas), { event } = state, table = palettes.time;
  const bins = 120, counts = new Int32Array(bins), step = (event.end - event.start) / bins;
  for (const c of event.channel) {
    const bin = Math.floor((event.time[c] - event.start) / step);
    if (bin >= 0 && bin < bins) counts[bin]++;
  }
  const most = Math.max(...counts, 1), base = height - 15 * ratio;
  for (let b = 0; b < bins; b++) {
    const middle = event.start + (b + 0.5) * step, share = (middle - event.early) / (event.late - event.early);
    pen.globalAlpha = middle <= state.cursor ? 1 : 0.3;
    pen.fillStyle = css(table[Math.round((table.length - 1) * Math.min(Math.max(share, 0), 1))]);
    const tall = Math.sqrt(counts[b] / most) * (base - 4 * ratio);
    pen.fillRect(b * width / bins, base - tall, width / bins - ratio, tall);
  }
  pen.globalAlpha = 1;
  pen.fillStyle = "#9aa5af";
  pen.textBaseline = "bottom";
  pen.textAlign = "center";
  for (const [value, text] of ticks(event.start, event.end, false)) {
    const x = (value - event.start) / (event.end - event.start) * width;
    pen.fillRect(x, base, ratio, 3 * ratio);
    if (x > 20 * ratio && x < width - 70 * ratio) pen.fillText(text, x, height);
  }
  pen.textAlign = "right";
  pen.fillText("time [ns]", width, height);
  pen.textAlign = "left";
  pen.textBaseline = "top";
  pen.fillText(`hits (√, most ${most})`, 2, 0);
  if (state.cursor < event.end) {
    pen.fillStyle = "#f0e442";
    pen.fillRect((state.cursor - event.start) / (event.end - event.start) * width - ratio, 0, 2 * ratio, base);
  }
}

function drawScatter(canvas) {
  const { pen, width, height, ratio } = sized(canvas), { event, detector } = state;
  if (!event.predicted) return;
  const [low, high] = MODES.charge.range(event), from = Math.min(low, -1) - 0.1, to = high + 0.2;
  const pad = 26 * ratio, side = Math.min(width, height) - pad - 4 * ratio;
  const x = (v) => pad + (Math.min(Math.max(v, from), to) - from) / (to - from) * side;
  const y = (v) => 2 * ratio + side - (Math.min(Math.max(v, from), to) - from) / (to - from) * side;
  pen.strokeStyle = "#39424b";
  pen.strokeRect(x(from), y(to), side, side);
  pen.strokeStyle = "#9aa5af";
  pen.beginPath();
  pen.moveTo(x(from), y(from));
  pen.lineTo(x(to), y(to));
  pen.stroke();
  const { colour } = state.paint, chosen = chosenChannel();
  for (const c of event.channel) {
    if (!(event.time[c] <= state.cursor)) continue;
    pen.fillStyle = colour[c] ? css(colour[c]) : "#9aa5af";
    pen.fillRect(x(Math.log10(event.predicted.charge[c])) - 0.8 * ratio, y(Math.log10(event.charge[c])) - 0.8 * ratio, 1.6 * ratio, 1.6 * ratio);
  }
  if (chosen >= 0 && event.isHit(chosen)) {
    circle({ context: pen, ratio: 0.6 * ratio }, x(Math.log10(event.predicted.charge[chosen])), y(Math.log10(event.charge[chosen])), 2);
  }
  pen.fillStyle = "#9aa5af";
  pen.textAlign = "center";
  pen.textBaseline = "bottom";
  const every = Math.ceil((to - from) / 4);
  for (let e = Math.ceil(from); e <= to; e += every) pen.fillText(String(10 ** e), x(e), height - 11 * ratio);
  pen.fillText(`predicted (${event.predicted.of}) [pe]`, pad + side / 2, height);
  pen.save();
  pen.translate(12 * ratio, side / 2);
  pen.rotate(-Math.PI / 2);
  pen.fillText("observed [pe]", 0, 0);
  pen.restore();
}
