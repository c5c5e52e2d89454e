// Shared by the pictures made of cells: unpacking, colour and painting. Joined in front of a widget's own code,
// behind ANCHORS, TOP_CODE, NO_VALUE and N_DECADES, which come from Python (colours.py).

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

const tables = {};
// 256 opaque colours, each as the 32 bits of a canvas pixel.
function colourTable(name) {
  if (tables[name]) return tables[name];
  const stops = ANCHORS[name].split(" ").map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  const bytes = new Uint8Array(4 * 256).fill(255);
  for (let i = 0; i < 256; i++) {
    const place = (i / 255) * (stops.length - 1), left = Math.min(Math.floor(place), stops.length - 2);
    for (let c = 0; c < 3; c++) {
      bytes[4 * i + c] = Math.round(stops[left][c] + (place - left) * (stops[left + 1][c] - stops[left][c]));
    }
  }
  return (tables[name] = new Uint32Array(bytes.buffer));
}

// Red, green and blue of one colour of a table.
function parts(colours, i) {
  return new Uint8Array(colours.buffer, 4 * i, 3);
}

// Written by hand into the stream: a Blob's bytes would come from another process, piece by piece.
async function inflated(view) {
  const { readable, writable } = new DecompressionStream("deflate"), writer = writable.getWriter();
  const whole = new Response(readable).arrayBuffer();
  await Promise.all([writer.write(view), writer.close()]);
  return whole;
}

// Place of a share (0 to 1 of the range) on the colour scale, 0 to 1.
function placed(share, scale) {
  if (scale === "sqrt") return Math.sqrt(share);
  if (scale === "log") return 1 + Math.log10(Math.max(share, 10 ** -N_DECADES)) / N_DECADES;
  return share;
}

const shareOfCode = (code) => (code / TOP_CODE) ** 2;

// Colour index 0 to 255 of every cell, -1 for a cell without a value.
function shades(cells, { exact, low, high }, scale) {
  const result = new Int16Array(cells.length);
  if (!exact) {
    const byCode = Int16Array.from({ length: 256 }, (_, code) =>
      code === NO_VALUE ? -1 : Math.round(255 * placed(shareOfCode(code), scale)));
    for (let i = 0; i < cells.length; i++) result[i] = byCode[cells[i]];
    return result;
  }
  const span = high > low ? high - low : 1;
  for (let i = 0; i < cells.length; i++) {
    const share = Math.min(1, Math.max(0, (cells[i] - low) / span));
    result[i] = Number.isNaN(cells[i]) ? -1 : Math.round(255 * placed(share, scale));
  }
  return result;
}

function countMasked(shade) {
  let n = 0;
  for (let i = 0; i < shade.length; i++) if (shade[i] < 0) n++;
  return n;
}

// Paints part of a shade matrix into a block of an image; a pixel over several cells shows the largest.
// `pixels` is the image as 32-bit colours, `width` its row length.
function paint(pixels, width, block, source, colours) {
  const xs = edges(block.width, source.left, source.columns), ys = edges(block.height, source.top, source.rows);
  let former = -1;
  for (let y = 0; y < block.height; y++) {
    const start = (block.y + y) * width + block.x;
    if (ys.first[y] === former && ys.last[y] === ys.last[y - 1]) {
      pixels.copyWithin(start, start - width, start - width + block.width);
    } else {
      paintLine(pixels, start, xs, ys.first[y], ys.last[y], source, colours);
      former = ys.first[y];
    }
  }
}

// First cell under every pixel, and the cell after its last.
function edges(nPixels, from, size) {
  const first = new Int32Array(nPixels), last = new Int32Array(nPixels);
  for (let i = 0; i < nPixels; i++) {
    first[i] = Math.floor(from + (i * size) / nPixels);
    last[i] = Math.max(first[i] + 1, Math.floor(from + ((i + 1) * size) / nPixels));
  }
  return { first, last };
}

function paintLine(pixels, start, { first, last }, top, bottom, { shade, stride, offset = 0 }, colours) {
  for (let x = 0; x < first.length; x++) {
    let most = -1;
    for (let row = top; row < bottom; row++) {
      const end = offset + row * stride + last[x];
      for (let i = offset + row * stride + first[x]; i < end; i++) if (shade[i] > most) most = shade[i];
    }
    pixels[start + x] = most < 0 ? 0 : colours[most];
  }
}

function written(value, isExact) {
  const size = Math.abs(value), isPlain = size === 0 || size >= 0.001;
  if (!isExact) return `≈ ${isPlain ? value.toFixed(3) : value.toExponential(0)}`;
  return isPlain ? value.toFixed(4) : value.toExponential(2);
}

function short(value) {
  return value === 0 ? "0" : Number(value.toPrecision(2)).toString();
}
