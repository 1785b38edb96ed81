// The detector in space, turned about its centre and seen in perspective.

class SpaceView extends Raster {
  constructor(canvas) { super(canvas); this.depth = null; }

  // what turns a point into a pixel in this frame
  aim() {
    const { azimuth, elevation, zoom } = state.camera, { extent } = state.detector;
    const [ca, sa, ce, se] = [Math.cos(azimuth), Math.sin(azimuth), Math.cos(elevation), Math.sin(elevation)];
    this.right = [-sa, ca, 0];
    this.up = [-se * ca, -se * sa, ce];
    this.back = [ce * ca, ce * sa, se];
    this.distance = 3.2 * extent;
    this.eye = this.back.map((v) => v * this.distance);
    this.scale = zoom * 0.45 * Math.min(this.width, this.height) * this.distance / extent;
  }

  project([x, y, z]) {
    const dot = (v) => v[0] * x + v[1] * y + v[2] * z;
    const depth = Math.max(this.distance - dot(this.back), 0.05 * this.distance);
    return [this.width / 2 + this.scale * dot(this.right) / depth, this.height / 2 - this.scale * dot(this.up) / depth, depth];
  }

  draw() {
    this.fit();
    this.clear();
    this.aim();
    this.sort();
    const { count } = state.detector;
    for (let i = 0; i < count; i++) this.sensor(this.far[i]);
    this.show();
    this.lines();
  }

  // channels from far to near, by counting
  sort() {
    const { count, position, extent } = state.detector, [bx, by, bz] = this.back, bins = 1024;
    if (!this.far || this.far.length !== count) { this.far = new Int32Array(count); this.bin = new Uint16Array(count); }
    const start = new Int32Array(bins + 1);
    for (let c = 0; c < count; c++) {
      const along = bx * position[3 * c] + by * position[3 * c + 1] + bz * position[3 * c + 2];
      this.bin[c] = Math.min(Math.max((along / extent + 1) / 2 * bins | 0, 0), bins - 1);
      start[this.bin[c] + 1]++;
    }
    for (let b = 0; b < bins; b++) start[b + 1] += start[b];
    for (let c = 0; c < count; c++) this.far[start[this.bin[c]]++] = c;
  }

  sensor(c) {
    const { position, normal, radius, extent } = state.detector, { colour, when } = state.paint;
    const px = position[3 * c], py = position[3 * c + 1], pz = position[3 * c + 2];
    const nx = normal[3 * c], ny = normal[3 * c + 1], nz = normal[3 * c + 2];
    const [bx, by, bz] = this.back, [rx, ry, rz] = this.right, [ux, uy, uz] = this.up;
    const depth = this.distance - (bx * px + by * py + bz * pz);
    if (depth < 0.05 * this.distance) return;
    const vx = this.eye[0] - px, vy = this.eye[1] - py, vz = this.eye[2] - pz;
    const facing = (nx * vx + ny * vy + nz * vz) / Math.sqrt(vx * vx + vy * vy + vz * vz);
    const lit = when[c] <= state.cursor;
    if (facing <= 0 && !(lit && state.nearWall)) return;
    const k = this.scale / depth, x = this.width / 2 + k * (rx * px + ry * py + rz * pz);
    const y = this.height / 2 - k * (ux * px + uy * py + uz * pz);
    let tx = rx * nx + ry * ny + rz * nz, ty = -(ux * nx + uy * ny + uz * nz);
    const length = Math.sqrt(tx * tx + ty * ty);
    if (length > 1e-6) { tx /= length; ty /= length; } else { tx = 1; ty = 0; }
    const size = Math.max(k * radius[c], (lit ? 1.0 : 0.7) * this.ratio);
    const flatness = Math.max(size * Math.abs(facing), 0.6 * this.ratio);
    if (lit) {
      this.ellipse(x, y, size, flatness, -ty, tx, colour[c], facing > 0 ? 1 : 0.45, c);
    } else {
      const shade = 0.55 + 0.45 * (1.2 * extent - (this.distance - depth)) / (2.2 * extent) * Math.abs(facing);
      this.ellipse(x, y, size, flatness, -ty, tx, pack(...SILENT.map((v) => v * Math.min(shade, 1))), 0.55, c);
    }
  }

  lines() {
    const pen = this.context;
    pen.lineJoin = pen.lineCap = "round";
    for (const outline of state.detector.outline) this.stroke(outline, "#5a6672", 1);
    drawWays(this);
    for (const track of shownTracks()) {
      const dash = track.dashed ? [7, 5] : [];
      const ring = track.rings.flat();
      if (ring.length) this.stroke([...ring, ring[0]], track.colour, 2, dash);
      this.stroke(track.line, track.colour, 3.5);
      arrow(this, this.project(track.line[0]), this.project(track.line[1]), track.colour);
    }
    const c = chosenChannel();
    if (c < 0) return;
    const { position } = state.detector, place = Array.from(position.subarray(3 * c, 3 * c + 3));
    const from = shownTracks().map((track) => lightFrom(track, place)).find((point) => point);
    if (from) this.stroke([from, place], "#f0e442", 1.2, [2, 4]);
    const [x, y, depth] = this.project(place);
    circle(this, x, y, this.scale / depth * state.detector.radius[c]);
  }

  stroke(points, colour, width, dash = []) {
    drawPath(this, points.map((point) => this.project(point)), colour, width, dash);
  }
}

// the point of a track from which direct Cherenkov light reaches a place
function lightFrom(track, place) {
  if (!track.angle) return null;
  const [from, to] = track.line, d = to.map((v, i) => v - from[i]), length = Math.hypot(...d);
  const w = place.map((v, i) => v - from[i]), along = w.reduce((sum, v, i) => sum + v * d[i], 0) / length;
  const aside = Math.sqrt(Math.max(Math.hypot(...w) ** 2 - along ** 2, 0));
  const s = Math.min(Math.max(along - aside / Math.tan(track.angle), 0), length);
  return from.map((v, i) => v + d[i] * s / length);
}

const shownTracks = () => state.event.tracks.filter((track) => !state.hidden.has(track.name));
const chosenChannel = () => state.hovered >= 0 ? state.hovered : state.pinned;

function drawPath(view, points, colour, width, dash = []) {
  const pen = view.context;
  pen.beginPath();
  points.forEach(([x, y], i) => i ? pen.lineTo(x, y) : pen.moveTo(x, y));
  pen.setLineDash(dash.map((v) => v * view.ratio));
  pen.strokeStyle = colour;
  pen.lineWidth = width * view.ratio;
  pen.stroke();
  pen.setLineDash([]);
}

function arrow(view, [x0, y0], [x1, y1], colour) {
  const length = Math.hypot(x1 - x0, y1 - y0), size = 9 * view.ratio;
  view.context.fillStyle = colour;
  view.context.beginPath();
  view.context.arc(x0, y0, 3.5 * view.ratio, 0, 7);
  view.context.fill();
  if (length < 4) return;
  const [dx, dy] = [(x1 - x0) / length * size, (y1 - y0) / length * size];
  view.context.beginPath();
  view.context.moveTo(x1 + 0.6 * dx, y1 + 0.6 * dy);
  view.context.lineTo(x1 - 0.6 * dx - 0.5 * dy, y1 - 0.6 * dy + 0.5 * dx);
  view.context.lineTo(x1 - 0.6 * dx + 0.5 * dy, y1 - 0.6 * dy - 0.5 * dx);
  view.context.fill();
}

function circle(view, x, y, radius) {
  const pen = view.context;
  pen.beginPath();
  pen.arc(x, y, radius + 4 * view.ratio, 0, 7);
  pen.strokeStyle = "#f0e442";
  pen.lineWidth = 2 * view.ratio;
  pen.stroke();
}
