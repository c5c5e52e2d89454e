// Attention as lines: queries and keys in two columns, or one column with arcs beside it.

const ROW = 20; // px a token
const TOP = 24; // px above the first token
const COLUMN_MAX = 150; // px for labels
const FONT = 12;
const N_LINES_MAX = 6000;

class LinksView {
  constructor(model, host) {
    this.model = model;
    this.root = element("div", "cells-links", host);
    this.reading = element("div", "cells-reading", this.root);
    this.live = element("div", "visually-hidden", this.root, { role: "status" });
    this.scroll = element("div", "cells-links-scroll", this.root);
    this.stage = stage(this.scroll, say("lines between tokens"));
    this.hover = this.focus = null;
    this.sequence = 0;
    this.listen();
    const traits = ["values", "frame", "arrangement", "least", "marked", "label"];
    const whole = redrawn(model, traits, this.root, () => this.update());
    const front = listening(model, ["token"], () => this.frame && this.draw());
    this.stop = () => [whole, front].forEach((stop) => stop());
  }

  async update() {
    const started = performance.now(), number = ++this.sequence;
    const values = this.model.get("values"), frame = this.model.get("frame");
    if (!frame.rows) return;
    if (values !== this.packed) {
      const buffer = await inflated(values);
      if (number !== this.sequence) return; // a newer picture is on its way
      const cells = frame.exact ? new Float32Array(buffer) : new Uint8Array(buffer);
      this.weights = frame.exact ? cells : Float32Array.from(cells, (code) => (code === NO_VALUE ? NaN : shareOfCode(code)));
      this.packed = values;
      this.hover = this.focus = null;
    }
    this.frame = frame;
    if (this.draw()) drawn(this.root, { cells: this.weights.length, ms: performance.now() - started });
  }

  get isArcs() {
    return this.model.get("arrangement") === "arcs" && this.model.get("same_tokens");
  }

  // The token whose lines stand alone: { side: "query" | "key", index }, null while all are drawn.
  get chosen() {
    const token = this.model.get("token");
    if (this.hover || this.focus) return this.hover || this.focus;
    return token !== null && token < this.frame.columns ? { side: "key", index: token } : null;
  }

  // --- drawing ----------------------------------------------------------------------------------

  draw() {
    const width = this.scroll.clientWidth;
    if (!width) return false;
    const { frame, model, stage: { picture, front } } = this;
    this.look = theme(model.get("side"), this.root);
    const height = TOP + ROW * Math.max(frame.rows, frame.columns) + 8;
    this.pen = sized(picture, width, height);
    sized(front, width, height);
    this.measure(width);
    this.nLines = this.drawLines();
    this.drawTokens("query", model.get("rows"));
    if (!this.isArcs) this.drawTokens("key", model.get("columns"));
    this.drawHeads();
    this.read();
    this.describe();
    return true;
  }

  measure(width) {
    this.pen.font = `${FONT}px ${this.look.mono}`;
    const widest = (labels) => Math.min(COLUMN_MAX, width / 3, 8 + Math.max(...labels.map((text) => this.pen.measureText(text).width)));
    this.left = widest(this.model.get("rows")) + 8;
    this.right = this.isArcs ? width - 12 : width - widest(this.model.get("columns")) - 8;
  }

  drawLines() {
    const { frame, chosen } = this, least = chosen ? 0.004 : this.model.get("least"), lines = [];
    for (let row = 0; row < frame.rows; row++) {
      for (let column = 0; column < frame.columns; column++) {
        const weight = this.weights[row * frame.columns + column];
        if (weight >= least && (!chosen || this.belongs(row, column, chosen))) lines.push([weight, row, column]);
      }
    }
    lines.sort((a, b) => a[0] - b[0]);
    const kept = lines.slice(-N_LINES_MAX);
    for (const [weight, row, column] of kept) this.line(weight, row, column, chosen);
    return kept.length;
  }

  belongs(row, column, { side, index }) {
    if (this.isArcs) return row === index || column === index;
    return side === "query" ? row === index : column === index;
  }

  line(weight, row, column, chosen) {
    const { pen, look } = this, isSink = this.model.get("marked").includes(column);
    pen.globalAlpha = chosen ? 0.15 + 0.85 * Math.sqrt(weight) : 0.05 + 0.75 * weight;
    pen.strokeStyle = isSink ? look.sink : look.accent;
    pen.lineWidth = 0.6 + 3 * weight;
    pen.beginPath();
    if (this.isArcs) this.arc(row, column);
    else {
      pen.moveTo(this.left, this.y(row));
      pen.lineTo(this.right, this.y(column));
    }
    pen.stroke();
    pen.globalAlpha = 1;
  }

  arc(row, column) {
    const { pen, left } = this, from = this.y(row), to = this.y(column), room = this.right - left;
    if (row === column) {
      pen.ellipse(left + 6, from, 6, 5, 0, 0, 2 * Math.PI);
      return;
    }
    const reach = room * Math.min(1, 0.12 + Math.abs(row - column) / Math.max(12, this.frame.rows));
    pen.moveTo(left, from);
    pen.bezierCurveTo(left + reach, from, left + reach, to, left, to);
  }

  drawTokens(side, labels) {
    const { pen, look, chosen } = this, isQuery = side === "query", isMarking = !isQuery || this.isArcs;
    pen.font = `${FONT}px ${look.mono}`;
    pen.textBaseline = "middle";
    pen.textAlign = isQuery ? "right" : "left";
    labels.forEach((text, index) => {
      const isSink = isMarking && this.model.get("marked").includes(index);
      const isChosen = chosen && chosen.index === index && (chosen.side === side || this.isArcs);
      const at = isQuery ? this.left - 5 : this.right + 5, shown = cut(pen, text, COLUMN_MAX - 10);
      const width = pen.measureText(shown).width, start = isQuery ? at - width : at;
      if (isChosen) {
        pen.fillStyle = look.accent;
        pen.fillRect(start - 3, this.y(index) - ROW / 2 + 2, width + 6, ROW - 4);
      } else if (isSink) {
        pen.strokeStyle = look.sink;
        pen.lineWidth = 1.5;
        pen.strokeRect(start - 3, this.y(index) - ROW / 2 + 2, width + 6, ROW - 4);
      }
      pen.fillStyle = isChosen ? look.paper : look.ink;
      pen.fillText(shown, at, this.y(index));
    });
  }

  drawHeads() {
    const { pen, look } = this;
    pen.font = `${FONT - 1}px ${look.text}`;
    pen.fillStyle = look.quiet;
    pen.textBaseline = "alphabetic";
    pen.textAlign = "right";
    pen.fillText(this.isArcs ? say("token") : say("query"), this.left - 5, 14);
    pen.textAlign = "left";
    if (!this.isArcs) pen.fillText(say("key"), this.right + 5, 14);
  }

  y(index) {
    return TOP + ROW * (index + 0.5);
  }

  // --- reading ----------------------------------------------------------------------------------

  read() {
    const { chosen } = this;
    const hint = say("Point at a token to see its own lines; click to select it on every page.");
    this.reading.textContent = chosen ? this.sentence(chosen) : hint;
  }

  sentence({ side, index }) {
    const { frame, weights } = this, isQuery = side === "query";
    const n = isQuery ? frame.columns : frame.rows, labels = this.model.get(isQuery ? "columns" : "rows");
    const found = [];
    for (let i = 0; i < n; i++) {
      const weight = weights[isQuery ? index * frame.columns + i : i * frame.columns + index];
      if (weight > 0) found.push([weight, i]);
    }
    found.sort((a, b) => b[0] - a[0]);
    const token = `${this.model.get(isQuery ? "rows" : "columns")[index]} (${index})`;
    const most = found.slice(0, 3).map(([weight, i]) => `${labels[i]} (${i}) ${written(weight, frame.exact)}`).join(", ");
    if (!most) return isQuery ? say("{token} looks at nothing", { token }) : say("{token} is looked at by nobody", { token });
    return isQuery ? say("{token} looks at {most}", { token, most }) : say("{token} is looked at by {most}", { token, most });
  }

  describe() {
    const { model, frame, stage: { front } } = this;
    Object.assign(front.dataset, { rows: frame.rows, columns: frame.columns, lines: this.nLines, layout: this.isArcs ? "arcs" : "columns", left: Math.round(this.left), right: Math.round(this.right), top: TOP, row: ROW });
    front.setAttribute("aria-label", `${model.get("label")} ${say("Arrow keys move over the tokens, Enter selects one.")}`);
  }

  // --- pointer and keyboard ---------------------------------------------------------------------

  listen() {
    const { front } = this.stage;
    const whenDrawn = (act) => (event) => this.frame && act(event);
    front.addEventListener("pointermove", whenDrawn((event) => this.point(this.tokenAt(event))));
    front.addEventListener("pointerleave", whenDrawn(() => this.point(null)));
    front.addEventListener("click", whenDrawn((event) => this.pick(this.tokenAt(event))));
    front.addEventListener("keydown", whenDrawn((event) => this.key(event)));
    front.addEventListener("blur", whenDrawn(() => this.move(null)));
  }

  tokenAt({ offsetX, offsetY }) {
    const index = Math.floor((offsetY - TOP) / ROW), { frame } = this;
    const side = offsetX <= this.left + 12 || this.isArcs ? "query" : offsetX >= this.right - 12 ? "key" : null;
    const n = side === "query" ? frame.rows : frame.columns;
    return side && index >= 0 && index < n ? { side, index } : null;
  }

  point(token) {
    if (token?.index === this.hover?.index && token?.side === this.hover?.side) return;
    this.hover = token;
    this.draw();
  }

  move(token) {
    this.focus = token;
    this.hover = null;
    this.draw();
    if (token) this.live.textContent = this.reading.textContent;
  }

  key(event) {
    const { side, index } = this.focus ?? { side: "query", index: 0 };
    const n = (name) => (name === "query" ? this.frame.rows : this.frame.columns);
    const moves = {
      ArrowUp: [side, index - 1], ArrowDown: [side, index + 1], Home: [side, 0], End: [side, n(side) - 1],
      ArrowLeft: ["query", index], ArrowRight: [this.isArcs ? "query" : "key", index],
    };
    if (event.key === "Enter" || event.key === " ") this.pick(this.focus);
    else if (event.key === "Escape") this.move(null);
    else if (!(event.key in moves)) return;
    else this.move({ side: moves[event.key][0], index: clamp(moves[event.key][1], 0, n(moves[event.key][0]) - 1) });
    event.preventDefault();
  }

  pick(token) {
    if (!token || (token.side === "query" && !this.model.get("same_tokens"))) return;
    // Emptied first, so that a second click on the same token is seen too.
    this.model.set("clicked", null);
    this.model.save_changes();
    this.model.set("clicked", token.index);
    this.model.save_changes();
  }
}

function render({ model, el }) {
  const view = new LinksView(model, el);
  view.update();
  const leave = figureMenu(model, el);
  return () => [leave, () => view.stop()].forEach((stop) => stop());
}

export default { render };
