// Comes after heatmap.js in the same module: rows that keep their names, cells that carry a token.

// The ruler of a long text counts its columns; rows are layers, and "6" would not be the layer 6.
const drawRowsOfTokens = drawRows;
drawRows = (view, pen) => {
  const { isRuled } = view;
  view.isRuled = isRuled && view.grid.ch < CELL_READABLE;
  drawRowsOfTokens(view, pen);
  view.isRuled = isRuled;
};

HeatmapView.prototype.drawNumbers = function (pen) {
  const { grid, part, frame } = this, texts = this.model.get("texts"), palette = colourTable(this.model.get("palette"));
  if (!texts.length || grid.ch < LABEL_FONT + 2) return;
  pen.font = `${LABEL_FONT}px ${this.look.mono}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (let row = part.top; row < part.bottom; row++) {
    for (let column = part.left; column < part.right; column++) {
      const i = row * frame.columns + column, { x, y } = this.corner(row, column);
      const [red, green, blue] = parts(palette, Math.max(0, this.shade[i]));
      pen.fillStyle = 0.3 * red + 0.59 * green + 0.11 * blue > 130 ? "#111" : "#fff";
      pen.fillText(cut(pen, texts[i], grid.cw - 4), x + grid.cw / 2, y + grid.ch / 2 + 1);
    }
  }
};
