// Disks drawn pixel by pixel: no graphics card needed, and every pixel knows its channel.

class Raster {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.fit();
  }

  // takes the size of the canvas on the screen; true if it changed
  fit() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2), box = this.canvas.getBoundingClientRect();
    const width = Math.max(Math.round(box.width * ratio), 2), height = Math.max(Math.round(box.height * ratio), 2);
    if (this.image && this.image.width === width && this.image.height === height) return false;
    this.ratio = ratio;
    this.width = this.canvas.width = width;
    this.height = this.canvas.height = height;
    this.image = this.context.createImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.ids = new Int32Array(width * height);
    return true;
  }

  clear() {
    this.pixels.fill(pack(...GROUND));
    this.ids.fill(-1);
  }

  // an ellipse with half axes a along (ux, uy) and b across; its edge is smooth over one pixel
  ellipse(x, y, a, b, ux, uy, colour, alpha, id) {
    const { width, height, pixels, ids } = this;
    const reachX = Math.sqrt(a * a * ux * ux + b * b * uy * uy) + 0.5, reachY = Math.sqrt(a * a * uy * uy + b * b * ux * ux) + 0.5;
    const left = Math.max(Math.ceil(x - reachX), 0), right = Math.min(Math.floor(x + reachX), width - 1);
    const top = Math.max(Math.ceil(y - reachY), 0), bottom = Math.min(Math.floor(y + reachY), height - 1);
    const small = Math.min(a, b), red = colour & 255, green = colour >> 8 & 255, blue = colour >> 16 & 255;
    const inside = small > 0.5 ? (1 - 0.5 / small) ** 2 : 0;
    for (let row = top; row <= bottom; row++) {
      const dy = row - y;
      for (let column = left, at = row * width + left; column <= right; column++, at++) {
        const dx = column - x, p = (dx * ux + dy * uy) / a, q = (dy * ux - dx * uy) / b, r2 = p * p + q * q;
        let share = alpha;
        if (r2 > inside) {
          const cover = (1 - Math.sqrt(r2)) * small + 0.5;
          if (cover <= 0) continue;
          share *= Math.min(cover, 1);
        }
        if (id >= 0) ids[at] = id;
        if (share > 0.996) { pixels[at] = colour; continue; }
        const below = pixels[at], rest = 1 - share;
        pixels[at] = (255 << 24 | (blue * share + (below >> 16 & 255) * rest) << 16
          | (green * share + (below >> 8 & 255) * rest) << 8 | (red * share + (below & 255) * rest)) >>> 0;
      }
    }
  }

  show() { this.context.putImageData(this.image, 0, 0); }

  // the channel under a point of the screen, or the nearest within a few pixels
  channelAt(clientX, clientY) {
    const box = this.canvas.getBoundingClientRect();
    const x = Math.round((clientX - box.left) * this.ratio), y = Math.round((clientY - box.top) * this.ratio);
    for (let reach = 0; reach <= 3 * this.ratio; reach++) {
      for (let dy = -reach; dy <= reach; dy++) for (let dx = -reach; dx <= reach; dx++) {
        const column = x + dx, row = y + dy;
        if (Math.max(Math.abs(dx), Math.abs(dy)) !== reach) continue;
        if (column < 0 || row < 0 || column >= this.width || row >= this.height) continue;
        const id = this.ids[row * this.width + column];
        if (id >= 0) return id;
      }
    }
    return -1;
  }
}
