// Every head of every layer in one picture; pointing reads a head, a click or Enter picks it.

const GAP = 3; // px between two heads
const TILE_MIN = 14; // px
const TILE_MAX = 88; // px
const MARGIN = { left: 46, top: 38 }; // px; wider where the word for a layer is
const FONT = 11;

class MosaicView {
  constructor(model, host) {
    this.model = model;
    this.root = element("div", "cells-mosaic", host);
    this.reading = element("div", "cells-reading", this.root);
    this.live = element("div", "visually-hidden", this.root, { role: "status" });
    this.stage = stage(this.root, say("picture of all heads"));
    this.legend = legend(this.root, model);
    this.hover = this.focus = null;
    this.sequence = 0;
    this.listen();
    const whole = redrawn(model, ["values", "frame", "order", "scale", "palette", "label"], this.root, () => this.update());
    const front = listening(model, ["readings", "head"], () => this.pen && this.drawFront()); // no pen yet while the page is hidden
    this.stop = () => [whole, front].forEach((stop) => stop());
  }

  async update() {
    const started = performance.now(), number = ++this.sequence;
    const values = this.model.get("values"), frame = this.model.get("frame");
    if (!frame.layers) return;
    if (values !== this.packed) {
      const buffer = await inflated(values);
      if (number !== this.sequence) return; // a newer picture is on its way
      this.cells = new Uint8Array(buffer);
      this.packed = values;
    }
    this.frame = frame;
    this.shade = shades(this.cells, { ...frame, exact: false }, this.model.get("scale"));
    this.nMasked = countMasked(this.shade);
    if (!this.draw()) return;
    drawn(this.root, { cells: this.cells.length, ms: performance.now() - started });
  }

  // False on a hidden page; it is drawn when it is shown.
  draw() {
    if (!this.root.clientWidth) return false;
    const { frame, stage: { picture, front } } = this, look = (this.look = theme(this.model.get("side"), this.root));
    this.left = this.marginLeft(look);
    const room = (this.root.clientWidth - this.left) / frame.heads - GAP;
    this.tile = Math.floor(clamp(room, TILE_MIN, TILE_MAX));
    this.pitch = this.tile + GAP;
    const width = this.left + frame.heads * this.pitch, height = MARGIN.top + frame.layers * this.pitch;
    const pen = sized(picture, width, height);
    this.pen = sized(front, width, height);
    this.drawTiles(pen, width, height);
    this.drawLabels(pen);
    this.drawFront();
    this.describe();
    return true;
  }

  marginLeft(look) {
    const pen = this.stage.picture.getContext("2d");
    pen.font = `${FONT}px ${look.text}`;
    return Math.max(MARGIN.left, Math.ceil(pen.measureText(`${say("layer")} ↓`).width) + 8);
  }

  // Place on the picture -> number of the head (layer x heads + head).
  at(place) {
    const order = this.model.get("order");
    return order.length ? order[place] : place;
  }

  corner(place) {
    const { heads } = this.frame;
    return { x: this.left + (place % heads) * this.pitch, y: MARGIN.top + Math.floor(place / heads) * this.pitch };
  }

  drawTiles(pen, width, height) {
    const { frame, tile, shade } = this, ratio = window.devicePixelRatio || 1, size = Math.round(tile * ratio);
    const { rows, columns, layers, heads } = frame, colours = colourTable(this.model.get("palette"));
    pen.fillStyle = texture(pen, this.look);
    laid(pen, [0, 0, width, height], (pixels, across) => {
      for (let place = 0; place < layers * heads; place++) {
        const { x, y } = this.corner(place), block = { x: Math.round(x * ratio), y: Math.round(y * ratio), width: size, height: size };
        const source = { shade, stride: columns, offset: this.at(place) * rows * columns, top: 0, rows, left: 0, columns };
        paint(pixels, across, block, source, colours);
        pen.fillRect(x, y, tile, tile);
      }
    });
  }

  drawLabels(pen) {
    const { frame, look, tile } = this, isSorted = this.model.get("order").length > 0;
    pen.fillStyle = look.quiet;
    pen.font = `${FONT}px ${look.text}`;
    if (isSorted) {
      pen.fillText(`${say("sorted, highest first")} →`, 2, MARGIN.top - 20);
      return;
    }
    pen.fillText(`${say("head")} →`, 2, MARGIN.top - 20);
    pen.fillText(`${say("layer")} ↓`, 2, MARGIN.top - 5);
    pen.fillStyle = look.ink;
    pen.font = `${FONT}px ${look.mono}`;
    const every = Math.ceil(18 / this.pitch);
    pen.textAlign = "center";
    for (let head = 0; head < frame.heads; head += every) pen.fillText(head, this.left + head * this.pitch + tile / 2, MARGIN.top - 7);
    pen.textAlign = "right";
    for (let layer = 0; layer < frame.layers; layer++) pen.fillText(layer, this.left - 8, MARGIN.top + layer * this.pitch + tile / 2 + 4);
    pen.textAlign = "left";
  }

  outline(place, colour) {
    const { x, y } = this.corner(place);
    for (const [width, stroke] of [[5, this.look.paper], [2.5, colour]]) {
      this.pen.lineWidth = width;
      this.pen.strokeStyle = stroke;
      this.pen.strokeRect(x - 1, y - 1, this.tile + 2, this.tile + 2);
    }
  }

  drawFront() {
    const { pen, look, stage: { front } } = this, picked = this.picked();
    pen.clearRect(0, 0, front.width, front.height);
    if (picked !== null) this.outline(picked, look.accent);
    const isActive = this.focus !== null && front.matches(":focus");
    if (isActive) this.outline(this.focus, look.ink);
    if (this.hover !== null) this.outline(this.hover, look.ink);
    const place = this.hover ?? (isActive ? this.focus : picked);
    this.reading.textContent = place === null ? "" : this.model.get("readings")[this.at(place)];
  }

  // Place of the picked head, null without one.
  picked() {
    const [layer, head] = this.model.get("head"), number = layer * this.frame.heads + head;
    const order = this.model.get("order"), place = order.length ? order.indexOf(number) : number;
    return place >= 0 && place < this.frame.layers * this.frame.heads ? place : null;
  }

  describe() {
    const { frame, model, stage: { front } } = this;
    const notes = this.nMasked ? [["masked", say("the query cannot see this key")]] : [];
    if (frame.isPooled) notes.push(["text", say("each cell shows the largest weight of its block")]);
    this.legend.show(frame, notes, this.look);
    Object.assign(front.dataset, {
      layers: frame.layers, heads: frame.heads, masked: this.nMasked, scale: model.get("scale"),
      left: this.left, top: MARGIN.top, tile: this.tile, pitch: this.pitch,
    });
    front.setAttribute("aria-label", `${model.get("label")} ${say("Arrow keys move over the heads, Enter picks one.")}`);
  }

  // --- pointer and keyboard ---------------------------------------------------------------------

  listen() {
    const { front } = this.stage;
    const whenDrawn = (act) => (event) => this.pen && act(event);
    front.addEventListener("pointermove", whenDrawn((event) => this.point(this.placeAt(event))));
    front.addEventListener("pointerleave", whenDrawn(() => this.point(null)));
    front.addEventListener("click", whenDrawn((event) => this.pick(this.placeAt(event))));
    front.addEventListener("keydown", whenDrawn((event) => this.key(event)));
    front.addEventListener("focus", whenDrawn(() => this.drawFront()));
    front.addEventListener("blur", whenDrawn(() => this.drawFront()));
  }

  placeAt({ offsetX, offsetY }) {
    const { heads, layers } = this.frame;
    const head = Math.floor((offsetX - this.left) / this.pitch), layer = Math.floor((offsetY - MARGIN.top) / this.pitch);
    return head >= 0 && head < heads && layer >= 0 && layer < layers ? layer * heads + head : null;
  }

  point(place) {
    this.hover = place;
    this.drawFront();
  }

  key(event) {
    const { heads, layers } = this.frame;
    const steps = { ArrowUp: -heads, ArrowDown: heads, ArrowLeft: -1, ArrowRight: 1 };
    const focus = this.focus ?? this.picked() ?? 0, next = focus + (steps[event.key] ?? 0);
    if (event.key === "Enter" || event.key === " ") this.pick(focus);
    else if (!steps[event.key]) return;
    else if (next >= 0 && next < heads * layers) this.focus = next;
    event.preventDefault();
    this.hover = null;
    this.drawFront();
    this.live.textContent = this.reading.textContent;
  }

  pick(place) {
    if (place === null) return;
    const number = this.at(place), { heads } = this.frame;
    if (place === this.picked()) {
      // The mark moves with the map, so a person may want back what is still marked; only a change is sent.
      this.model.set("head", [-1, -1]);
      this.model.save_changes();
    }
    this.focus = place;
    this.model.set("head", [Math.floor(number / heads), number % heads]);
    this.model.save_changes();
    this.drawFront();
  }
}

function render({ model, el }) {
  const view = new MosaicView(model, el);
  view.update();
  const leave = figureMenu(model, el);
  return () => [leave, () => view.stop()].forEach((stop) => stop());
}

export default { render };
