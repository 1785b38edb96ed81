// The unrolled wall, with the colour scale beside it.

class FlatView extends Raster {
  aim() {
    const { low, high } = state.detector, { x, y, zoom } = state.map, bar = 78 * this.ratio;
    this.scale = zoom * Math.min((this.width - bar - 16) / (high[0] - low[0]), (this.height - 16) / (high[1] - low[1]));
    this.left = (this.width - bar) / 2 - this.scale * ((low[0] + high[0]) / 2 + x);
    this.top = this.height / 2 + this.scale * ((low[1] + high[1]) / 2 + y);
  }

  project([x, y]) { return [this.left + this.scale * x, this.top - this.scale * y]; }

  draw() {
    this.fit();
    this.clear();
    this.aim();
    const { count, flat, radius } = state.detector, { colour, when, order } = state.paint;
    const dark = pack(...SILENT.map((v) => 0.75 * v));
    for (let c = 0; c < count; c++) if (!(when[c] <= state.cursor)) this.disk(flat, radius, c, dark, 0.55, 0.7);
    for (const c of order) if (when[c] <= state.cursor) this.disk(flat, radius, c, colour[c], 1, 1.05);
    this.show();
    this.lines();
    this.bar();
  }

  disk(flat, radius, c, colour, alpha, least) {
    const size = Math.max(this.scale * radius[c], least * this.ratio);
    this.ellipse(this.left + this.scale * flat[2 * c], this.top - this.scale * flat[2 * c + 1], size, size, 1, 0, colour, alpha, c);
  }

  lines() {
    for (const outline of state.detector.flat_outline) this.stroke(outline, "#5a6672", 1);
    drawWayEnds(this);
    for (const track of shownTracks()) {
      for (const ring of track.flat_rings) this.stroke(ring, track.colour, 2, track.dashed ? [7, 5] : []);
      this.mark(this.project(track.flat_vertex), 1, track.colour);
      this.mark(this.project(track.flat_aim), 0, track.colour);
    }
    const c = chosenChannel();
    if (c < 0) return;
    const { flat, radius } = state.detector, [x, y] = this.project([flat[2 * c], flat[2 * c + 1]]);
    circle(this, x, y, this.scale * radius[c]);
  }

  stroke(points, colour, width, dash = []) { drawPath(this, points.map((point) => this.project(point)), colour, width, dash); }

  // a cross (slanted) where the wall is nearest to the vertex, a plus where the track aims
  mark([x, y], slanted, colour) {
    const size = 7 * this.ratio, s = slanted ? Math.SQRT1_2 * size : size;
    const arms = slanted ? [[-s, -s, s, s], [-s, s, s, -s]] : [[-s, 0, s, 0], [0, -s, 0, s]];
    for (const [a, b, c, d] of arms) drawPath(this, [[x + a, y + b], [x + c, y + d]], colour, 2.5);
  }

  bar() {
    const pen = this.context, r = this.ratio, { low, high, mode, table } = state.paint;
    const left = this.width - 62 * r, width = 13 * r, top = 0.12 * this.height, height = 0.76 * this.height;
    pen.fillStyle = css(pack(...GROUND));
    pen.fillRect(left - 30 * r, 0, this.width, this.height);
    for (let i = 0; i < height; i++) {
      pen.fillStyle = css(table[Math.round((1 - i / height) * (table.length - 1))]);
      pen.fillRect(left, top + i, width, 1.5);
    }
    pen.fillStyle = "#dfe4e8";
    pen.font = `${12 * r}px system-ui, sans-serif`;
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    for (const [value, text] of ticks(low, high, mode.logarithmic)) {
      const y = top + height * (1 - (value - low) / (high - low));
      pen.fillRect(left + width, y - 0.5 * r, 4 * r, r);
      pen.fillText(text, left + width + 7 * r, y);
    }
    pen.save();
    pen.translate(left - 12 * r, top + height / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    pen.fillText(mode.title, 0, 0);
    pen.restore();
  }
}
