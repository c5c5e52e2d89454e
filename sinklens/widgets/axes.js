// Labels beside a heat map: every label where cells are wide enough, a ruler where they are not.

const TICK_EVERY = 44; // px between two numbers of a ruler

function drawAxes(view, pen) {
  const { grid, look, axes } = view;
  pen.font = `${LABEL_FONT}px ${look.text}`;
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
  pen.fillStyle = look.quiet;
  pen.fillText(`${axes.columnName} →`, 2, grid.top - 20);
  pen.fillText(`${axes.rowName} ↓`, 2, grid.top - 5);
  pen.font = `${LABEL_FONT}px ${look.mono}`;
  pen.strokeStyle = look.line;
  pen.lineWidth = 1;
  pen.strokeRect(grid.left - 0.5, grid.top - 0.5, grid.width + 1, grid.height + 1);
  drawColumns(view, pen);
  drawRows(view, pen);
}

function drawColumns(view, pen) {
  const { grid, axes, look, part: { left, right } } = view;
  const { isRuled } = view;
  if (isRuled) ruler(left, right, grid.cw, (i, at) => {
    pen.fillStyle = look.quiet;
    pen.textAlign = "center";
    pen.fillText(String(i), grid.left + at, grid.top - 8);
    pen.fillRect(grid.left + at - 0.5, grid.top - 5, 1, 5);
  });
  for (let i = left; i < right; i++) {
    const isMarked = axes.marked.includes(i);
    if (isRuled && !isMarked && i !== view.model.get("token")) continue;
    const x = grid.left + (i - left + 0.5) * grid.cw;
    if (axes.flat) label(view, pen, axes.columns[i], { x, y: grid.top - 6, align: "center", isMarked, i });
    else if (isRuled) flag(pen, look, x, grid.top, isMarked);
    else label(view, pen, axes.columns[i], { x, y: grid.top - 7, angle: -Math.PI / 2, isMarked, i });
  }
}

function drawRows(view, pen) {
  const { grid, axes, look, part: { top, bottom } } = view;
  // A ruler counts: "6" on it would not be the row that is named 6.
  if (view.isRuled && !(axes.namedRows && grid.ch >= CELL_READABLE)) {
    ruler(top, bottom, grid.ch, (i, at) => {
      pen.fillStyle = look.quiet;
      pen.textAlign = "right";
      pen.fillText(String(i), grid.left - 8, grid.top + at + 4);
      pen.fillRect(grid.left - 5, grid.top + at - 0.5, 5, 1);
    });
    return;
  }
  for (let i = top; i < bottom; i++) {
    const y = grid.top + (i - top + 0.5) * grid.ch + 4;
    label(view, pen, axes.rows[i], { x: grid.left - 7, y, align: "right", isMarked: axes.sameTokens && axes.marked.includes(i), i });
  }
}

function label(view, pen, text, { x, y, align = "left", angle = 0, isMarked, i }) {
  const { look, axes } = view, isSelected = i === view.model.get("token") && (angle !== 0 || axes.sameTokens);
  const shown = cut(pen, text, LABEL_MAX - 8), width = pen.measureText(shown).width;
  pen.save();
  pen.translate(x, y);
  pen.rotate(angle);
  pen.textAlign = align;
  if (angle) pen.translate(0, LABEL_FONT / 2 - 1.5);
  if (isMarked || isSelected) {
    const start = align === "right" ? -width : align === "center" ? -width / 2 : 0;
    pen.strokeStyle = isSelected ? look.accent : look.sink;
    pen.lineWidth = 1.5;
    pen.strokeRect(start - 3, -LABEL_FONT + 1, width + 6, LABEL_FONT + 2);
  }
  pen.fillStyle = look.ink;
  pen.fillText(shown, 0, 0);
  pen.restore();
}

// A triangle over a column that is too narrow for its label.
function flag(pen, look, x, y, isMarked) {
  pen.beginPath();
  pen.moveTo(x, y - 1);
  pen.lineTo(x - 4, y - 7);
  pen.lineTo(x + 4, y - 7);
  pen.closePath();
  pen.fillStyle = isMarked ? look.sink : look.accent;
  pen.fill();
  pen.strokeStyle = look.ink;
  pen.stroke();
}

function ruler(from, to, size, mark) {
  const least = TICK_EVERY / size, power = 10 ** Math.floor(Math.log10(least));
  const every = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least && step >= 1) || 1;
  for (let i = Math.ceil(from / every) * every; i < to; i += every) mark(i, (i - from + 0.5) * size);
}
