// One matrix as a heat map: labelled or ruled axes, exact reading, selection, enlarging, keyboard.

const LABEL_FONT = 11;
const LABEL_MAX = 104; // px
const CELL_READABLE = 10.5; // px; below, the axes show a ruler

class HeatmapView {
  constructor(model, host) {
    this.model = model;
    this.root = element("div", "cells-heatmap", host);
    this.reading = element("div", "cells-reading", this.root);
    this.live = element("div", "visually-hidden", this.root, { role: "status" });
    this.stage = stage(this.root, say("heat map"));
    this.legend = legend(this.root, model);
    this.full = true; // nothing is enlarged
    this.hover = null;
    this.focus = null;
    this.sequence = 0;
    this.input = new HeatmapInput(this);
    const whole = redrawn(model, ["values", "frame", "axes", "scale", "palette", "label", "token", "number"], this.root, () => this.update());
    const front = listening(model, ["cell", "exact"], () => this.pen && this.drawFront());
    this.stop = () => [whole, front].forEach((stop) => stop());
  }

  async update() {
    const started = performance.now(), number = ++this.sequence;
    const { model } = this, values = model.get("values"), frame = model.get("frame");
    if (!frame.rows) return;
    if (values !== this.packed) {
      const buffer = await inflated(values);
      if (number !== this.sequence) return; // a newer picture is on its way
      if (!this.frame || this.frame.rows !== frame.rows || this.frame.columns !== frame.columns) this.whole(frame);
      this.cells = frame.exact ? new Float32Array(buffer) : new Uint8Array(buffer);
      this.packed = values;
    }
    this.frame = frame;
    this.axes = model.get("axes");
    this.shade = shades(this.cells, frame, model.get("scale"));
    this.nMasked = countMasked(this.shade);
    if (!this.draw()) return;
    drawn(this.root, { cells: this.cells.length, ms: performance.now() - started });
    this.report(model.get("number"));
  }

  // Tells the server which picture a person sees by now: a task of its own comes after the frame.
  report(number) {
    requestAnimationFrame(() => setTimeout(() => {
      if (number <= this.model.get("painted")) return;
      this.model.set("painted", number);
      this.model.save_changes();
    }));
  }

  whole(frame) {
    this.full = true;
    this.part = { top: 0, bottom: frame.rows, left: 0, right: frame.columns };
    this.hover = this.focus = null;
  }

  // --- reading values ---------------------------------------------------------------------------

  // NaN for a cell without a value, undefined for one that has not been sent.
  value(row, column) {
    const { window: [top, bottom, left, right], step, exact, low, high } = this.frame;
    if (row < top || row >= bottom || column < left || column >= right) return undefined;
    const stride = Math.ceil((right - left) / step);
    const code = this.cells[Math.floor((row - top) / step) * stride + Math.floor((column - left) / step)];
    if (exact) return code;
    return code === NO_VALUE ? NaN : low + (high - low) * shareOfCode(code);
  }

  sentence([row, column]) {
    const { axes, model, frame } = this, fetched = model.get("exact");
    const isFetched = fetched && fetched[0] === row && fetched[1] === column;
    if (axes.readings.length) return axes.readings[row * frame.columns + column];
    const named = (name, label, i) => (label === String(i) ? `${name} ${i}` : `${name} ${label} (${i})`);
    const place = named(axes.rowName, axes.rows[row], row) + " → " + named(axes.columnName, axes.columns[column], column);
    if (axes.hidden.includes(column)) return say("{place}: hidden", { place });
    const value = isFetched ? fetched[2] ?? NaN : this.value(row, column);
    if (value === undefined) return `${place}: …`;
    if (Number.isNaN(value)) return `${place}: ${axes.emptyText}`;
    const number = written(value, isFetched || frame.exact);
    return frame.step > 1 && !isFetched ? say("{place}: at most {number}", { place, number }) : `${place}: ${number}`;
  }

  read() {
    const cell = this.hover || this.focus || this.model.get("cell");
    const isInside = cell && cell[0] < this.frame.rows && cell[1] < this.frame.columns;
    this.reading.textContent = isInside ? this.sentence(cell) : this.axes.hint;
    if (isInside && !this.frame.exact) this.probe(cell);
  }

  probe([row, column]) {
    clearTimeout(this.probing);
    const fetched = this.model.get("exact");
    if (fetched && fetched[0] === row && fetched[1] === column) return;
    this.probing = setTimeout(() => {
      this.model.set("probe", [row, column]);
      this.model.save_changes();
    }, 120);
  }

  // --- drawing ----------------------------------------------------------------------------------

  measure() {
    const { axes, part } = this, look = (this.look = theme(this.model.get("side"), this.root));
    const isReadable = ({ cw, ch }) => Math.min(cw, ch) >= CELL_READABLE;
    const pen = this.stage.picture.getContext("2d");
    pen.font = `${LABEL_FONT}px ${look.text}`;
    const least = Math.max(48, Math.ceil(pen.measureText(`${axes.rowName} ↓`).width) + 8);
    this.grid = this.placed(least, 14);
    // Labels only take room away, so those of a long text need not be measured.
    if (isReadable(this.grid)) {
      pen.font = `${LABEL_FONT}px ${look.mono}`;
      const widest = (labels) => Math.min(LABEL_MAX, Math.max(...labels.map((text) => pen.measureText(text).width)));
      const left = 14 + widest(axes.rows.slice(part.top, part.bottom));
      const top = axes.flat ? 0 : widest(axes.columns.slice(part.left, part.right));
      this.grid = this.placed(Math.max(least, left), top + 14);
    }
    this.isRuled = !isReadable(this.grid);
    if (this.isRuled) this.grid = this.placed(Math.max(58, least), 14);
  }

  placed(left, labels) {
    const { axes, part } = this, top = Math.max(38, labels);
    const rows = part.bottom - part.top, columns = part.right - part.left;
    const card = this.root.closest('[data-full-screen="true"]');
    const tallest = (card ? window.innerHeight - 220 : clamp(window.innerHeight * 0.8, 360, 640)) - top;
    const wide = (this.root.clientWidth - left - 4) / columns, high = tallest / rows;
    const [wideMax, highMax] = axes.cellMax;
    const width = Math.min(wide, wideMax, axes.square ? Math.min(high, highMax) : Infinity);
    const height = axes.square ? width : Math.min(high, highMax);
    return { left, top, rows, columns, cw: width, ch: height, width: width * columns, height: height * rows };
  }

  // False on a hidden page; it is drawn when it is shown.
  draw() {
    if (!this.root.clientWidth) return false;
    this.measure();
    const { grid, look, stage: { picture, front } } = this;
    const width = grid.left + grid.width + 4, height = grid.top + grid.height + 4;
    const pen = sized(picture, width, height);
    this.pen = sized(front, width, height);
    pen.fillStyle = texture(pen, look);
    pen.fillRect(grid.left, grid.top, grid.width, grid.height);
    this.drawCells(pen);
    this.drawHidden(pen);
    if (grid.cw >= 14 && grid.ch >= 14) this.drawGaps(pen);
    if (this.axes.inCells && grid.cw >= 34) this.drawNumbers(pen);
    drawAxes(this, pen);
    this.drawFront();
    this.describe();
    return true;
  }

  drawCells(pen) {
    const { grid, part, frame: { window: [top, , left, right], step } } = this;
    const source = {
      shade: this.shade, stride: Math.ceil((right - left) / step),
      top: (part.top - top) / step, rows: grid.rows / step, left: (part.left - left) / step, columns: grid.columns / step,
    };
    const colours = colourTable(this.model.get("palette"));
    laid(pen, [grid.left, grid.top, grid.width, grid.height], (pixels, width, height) => {
      paint(pixels, width, { x: 0, y: 0, width, height }, source, colours);
    });
  }

  drawHidden(pen) {
    pen.fillStyle = texture(pen, this.look, true);
    for (const column of this.axes.hidden) {
      if (column < this.part.left || column >= this.part.right) continue;
      const { x } = this.corner(0, column);
      pen.fillRect(x, this.grid.top, Math.max(3, this.grid.cw), this.grid.height);
    }
  }

  drawGaps(pen) {
    const { grid } = this;
    pen.fillStyle = this.look.paper;
    for (let i = 1; i < grid.columns; i++) pen.fillRect(grid.left + i * grid.cw - 0.5, grid.top, 1, grid.height);
    for (let i = 1; i < grid.rows; i++) pen.fillRect(grid.left, grid.top + i * grid.ch - 0.5, grid.width, 1);
  }

  drawNumbers(pen) {
    const { grid, part, frame, axes: { texts } } = this, palette = colourTable(this.model.get("palette"));
    if (texts.length && grid.ch < LABEL_FONT + 2) return;
    pen.font = `${LABEL_FONT}px ${this.look.mono}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (let row = part.top; row < part.bottom; row++) {
      for (let column = part.left; column < part.right; column++) {
        const i = row * frame.columns + column, shade = this.shade[i], { x, y } = this.corner(row, column);
        const [red, green, blue] = parts(palette, Math.max(0, shade));
        const isLight = 0.3 * red + 0.59 * green + 0.11 * blue > 130;
        pen.fillStyle = shade < 0 ? this.look.quiet : isLight ? "#111" : "#fff";
        const text = texts.length ? cut(pen, texts[i], grid.cw - 4) : this.numeral(this.value(row, column));
        pen.fillText(text, x + grid.cw / 2, y + grid.ch / 2 + 1);
      }
    }
  }

  numeral(value) {
    if (Number.isNaN(value)) return "–";
    return this.axes.unit === "share" ? `${Math.round(100 * value)}` : Number(value.toPrecision(2)).toString();
  }

  corner(row, column) {
    const { grid, part } = this;
    return { x: grid.left + (column - part.left) * grid.cw, y: grid.top + (row - part.top) * grid.ch };
  }

  outline(row, column, colour, { rows = 1, columns = 1 } = {}) {
    const { grid, pen } = this, { x, y } = this.corner(row, column);
    const box = [x - 1, y - 1, Math.max(3, columns * grid.cw) + 2, Math.max(3, rows * grid.ch) + 2];
    for (const [width, stroke] of [[4, this.look.paper], [2, colour]]) {
      pen.lineWidth = width;
      pen.strokeStyle = stroke;
      pen.strokeRect(...box);
    }
  }

  drawFront() {
    const { grid, pen, axes, look, model, part } = this, token = model.get("token"), picked = model.get("cell");
    pen.clearRect(0, 0, grid.left + grid.width + 8, grid.top + grid.height + 8);
    pen.save();
    pen.beginPath();
    pen.rect(grid.left - 3, grid.top - 3, grid.width + 6, grid.height + 6);
    pen.clip();
    if (token !== null && token < this.frame.columns) {
      this.outline(part.top, token, look.accent, { rows: grid.rows });
      if (axes.sameTokens) this.outline(token, part.left, look.accent, { columns: grid.columns });
    }
    if (picked) this.outline(picked[0], picked[1], look.accent);
    if (this.hover) this.cross(...this.hover);
    if (this.focus && this.stage.front.matches(":focus")) this.outline(...this.focus, look.ink);
    if (this.input.drag) {
      pen.fillStyle = `color-mix(in srgb, ${look.accent} 25%, transparent)`;
      pen.fillRect(...this.input.drag);
    }
    pen.restore();
    this.read();
  }

  cross(row, column) {
    const { grid, pen } = this, { x, y } = this.corner(row, column);
    pen.fillStyle = `color-mix(in srgb, ${this.look.ink} 22%, transparent)`;
    pen.fillRect(grid.left, y, x - grid.left, grid.ch);
    pen.fillRect(x, grid.top, grid.cw, y - grid.top);
    pen.lineWidth = 1.5;
    pen.strokeStyle = this.look.ink;
    pen.strokeRect(x, y, grid.cw, grid.ch);
  }

  // Everything that a person sees, in words: for screen readers, and for those who test the page.
  describe() {
    const { axes, frame, model, stage: { front } } = this;
    const isPooled = this.grid.cw * (window.devicePixelRatio || 1) < 1 || frame.step > 1;
    const notes = [];
    if (this.nMasked > 0 && axes.emptyText) notes.push(["masked", axes.emptyText]);
    if (axes.hidden.length) notes.push(["hidden", say("hidden")]);
    if (axes.marked.length && axes.markedText) notes.push(["sink", axes.markedText]);
    if (axes.inCells && axes.unit === "share") notes.push(["text", say("numbers in per cent")]);
    if (isPooled) notes.push(["text", say("small cells: the largest of a block is shown; drag to enlarge")]);
    if (!this.full) notes.push(["text", say("enlarged; double click or Esc shows everything")]);
    this.legend.show(frame, notes, this.look);
    Object.assign(front.dataset, {
      rows: frame.rows, columns: frame.columns, masked: this.nMasked, scale: model.get("scale"),
      left: this.grid.left, top: this.grid.top, cellWidth: this.grid.cw, cellHeight: this.grid.ch,
    });
    const keys = say("Arrow keys move over the cells, Enter opens one, plus enlarges, Escape shows everything.");
    front.setAttribute("aria-label", `${model.get("label")} ${keys}`);
  }

  // --- selection and enlarging -------------------------------------------------------------------

  cellAt(offsetX, offsetY) {
    const { grid, part } = this;
    const column = Math.floor((offsetX - grid.left) / grid.cw), row = Math.floor((offsetY - grid.top) / grid.ch);
    const inRows = row >= 0 && row < grid.rows, inColumns = column >= 0 && column < grid.columns;
    return { row: row + part.top, column: column + part.left, inRows, inColumns };
  }

  around([row, column], factor) {
    const rows = Math.max(4, Math.round(this.grid.rows * factor)), columns = Math.max(4, Math.round(this.grid.columns * factor));
    const top = row - Math.floor(rows / 2), left = column - Math.floor(columns / 2);
    return { top, bottom: top + rows, left, right: left + columns };
  }

  enlarge(wanted) {
    const { rows, columns } = this.frame;
    const fit = (from, to, n) => {
      const size = Math.min(n, Math.max(2, to - from)), start = clamp(from, 0, n - size);
      return [start, start + size];
    };
    const [top, bottom] = wanted ? fit(wanted.top, wanted.bottom, rows) : [0, rows];
    const [left, right] = wanted ? fit(wanted.left, wanted.right, columns) : [0, columns];
    this.part = { top, bottom, left, right };
    this.full = bottom - top === rows && right - left === columns;
    if (Math.max(rows, columns) > this.model.get("side_max")) {
      this.model.set("window", [top, bottom, left, right]);
      this.model.save_changes();
    }
    const { window: sent } = this.frame;
    const isSent = sent[0] <= top && bottom <= sent[1] && sent[2] <= left && right <= sent[3];
    if (isSent) this.draw();
  }

  pick(cell) {
    this.focus = cell;
    this.tell("cell", cell);
    this.drawFront();
  }

  select(token) {
    this.tell("clicked", token);
  }

  // Emptied first, so that the same choice again is seen too.
  tell(trait, value) {
    this.model.set(trait, null);
    this.model.save_changes();
    this.model.set(trait, value);
    this.model.save_changes();
  }
}

function render({ model, el }) {
  const view = new HeatmapView(model, el);
  view.update();
  const leave = figureMenu(model, el);
  return () => [leave, () => view.stop()].forEach((stop) => stop());
}

export default { render };
