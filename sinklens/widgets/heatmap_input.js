// Pointer and keyboard of a heat map: hover, pick, select, drag to enlarge, arrows.

const DRAG_MIN = 5; // px

class HeatmapInput {
  constructor(view) {
    this.view = view;
    this.pressed = null;
    this.drag = null; // x, y, width, height of the rectangle that is being drawn
    const { front } = view.stage;
    const whenDrawn = (act) => (event) => view.pen && act(event);
    front.addEventListener("pointermove", whenDrawn((event) => this.move(event)));
    front.addEventListener("pointerleave", whenDrawn(() => this.leave()));
    front.addEventListener("pointerdown", whenDrawn((event) => this.press(event)));
    front.addEventListener("pointerup", whenDrawn((event) => this.release(event)));
    front.addEventListener("dblclick", whenDrawn(() => view.enlarge(null)));
    front.addEventListener("keydown", whenDrawn((event) => this.key(event)));
    front.addEventListener("focus", whenDrawn(() => view.drawFront()));
    front.addEventListener("blur", whenDrawn(() => view.drawFront()));
  }

  press(event) {
    if (event.button === 0) this.pressed = { x: event.offsetX, y: event.offsetY, type: event.pointerType };
  }

  leave() {
    this.view.hover = this.pressed = this.drag = null;
    this.view.drawFront();
  }

  move(event) {
    const { view, pressed } = this, at = view.cellAt(event.offsetX, event.offsetY);
    view.hover = at.inRows && at.inColumns ? [at.row, at.column] : null;
    const width = pressed && event.offsetX - pressed.x, height = pressed && event.offsetY - pressed.y;
    const isDrag = pressed && pressed.type === "mouse" && event.buttons === 1 && Math.hypot(width, height) > DRAG_MIN;
    this.drag = isDrag ? [pressed.x, pressed.y, width, height] : null;
    view.drawFront();
  }

  release(event) {
    const { view, pressed, drag } = this, at = view.cellAt(event.offsetX, event.offsetY);
    this.pressed = this.drag = null;
    if (!pressed) return;
    if (drag) {
      const from = view.cellAt(Math.min(pressed.x, event.offsetX), Math.min(pressed.y, event.offsetY));
      const to = view.cellAt(Math.max(pressed.x, event.offsetX), Math.max(pressed.y, event.offsetY));
      view.enlarge({ top: from.row, bottom: to.row + 1, left: from.column, right: to.column + 1 });
    } else if (at.inRows && at.inColumns) view.pick([at.row, at.column]);
    else if (at.inColumns && event.offsetY < view.grid.top) view.select(at.column);
    else if (at.inRows && event.offsetX < view.grid.left && view.axes.sameTokens) view.select(at.row);
  }

  key(event) {
    const { view } = this;
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const focus = view.focus || view.model.get("cell") || [view.part.top, view.part.left];
    if (steps[event.key]) this.step(focus, steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") view.pick(focus);
    else if (event.key === "+") view.enlarge(view.around(focus, 0.5));
    else if (event.key === "-") view.enlarge(view.around(focus, 2));
    else if (event.key === "Escape") view.enlarge(null);
    else return;
    event.preventDefault();
    view.hover = null;
    view.drawFront();
  }

  // The first arrow only shows where the keyboard stands.
  step(focus, [down, right]) {
    const { view } = this, { rows, columns } = view.frame;
    view.focus = view.focus ? [clamp(focus[0] + down, 0, rows - 1), clamp(focus[1] + right, 0, columns - 1)] : focus;
    const [row, column] = view.focus, { top, bottom, left, right: end } = view.part;
    const isInside = row >= top && row < bottom && column >= left && column < end;
    if (!isInside) view.enlarge(view.around(view.focus, 1));
    view.live.textContent = view.sentence(view.focus);
  }
}
