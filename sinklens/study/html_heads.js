// The list of heads: a scatter with axes to choose, and a table that can be sorted. Without script the
// table and the links are there all the same.

const heads = JSON.parse(document.getElementById("heads").textContent);
const plot = document.getElementById("plot");
const choices = ["x", "y"].map((axis) => document.getElementById(axis));
const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM] = [440, 300, 56, 10, 12, 40];

function node(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function ends(values) {
  const known = values.filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - room, high + room];
}

function write(value, unit) {
  const number = Number((unit === "share" ? 100 * value : value).toPrecision(3)).toString();
  return unit === "share" ? `${number} %` : number;
}

// Round numbers inside the axis, about five of them.
function ticks([low, high]) {
  const power = 10 ** Math.floor(Math.log10((high - low) / 5));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => (high - low) / size <= 6);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

function draw() {
  const [x, y] = choices.map((choice) => heads.columns.findIndex((column) => column.key === choice.value));
  const points = heads.rows.filter((row) => row.values[x] !== null && row.values[y] !== null);
  plot.replaceChildren();
  if (!points.length) return;
  const [xs, ys] = [x, y].map((at) => ends(points.map((row) => row.values[at])));
  const across = (value) => LEFT + ((value - xs[0]) / (xs[1] - xs[0])) * (WIDTH - LEFT - RIGHT);
  const down = (value) => HEIGHT - BOTTOM - ((value - ys[0]) / (ys[1] - ys[0])) * (HEIGHT - TOP - BOTTOM);
  for (const value of ticks(ys)) {
    plot.append(node("path", { class: "c-grid", d: `M${LEFT} ${down(value)}H${WIDTH - RIGHT}` }));
    const place = { class: "c-tick", x: LEFT - 5, y: down(value) + 4, "text-anchor": "end" };
    plot.append(node("text", place, write(value, heads.columns[y].unit)));
  }
  for (const value of ticks(xs)) {
    const place = { class: "c-tick", x: across(value), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" };
    plot.append(node("text", place, write(value, heads.columns[x].unit)));
  }
  const names = [heads.columns[x].name, heads.columns[y].name];
  plot.append(node("text", { class: "c-title", x: (LEFT + WIDTH) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, names[0]));
  plot.append(node("text", { class: "c-title", transform: `translate(11 ${HEIGHT / 2 - 10}) rotate(-90)`, "text-anchor": "middle" }, names[1]));
  for (const row of points) {
    const said = `head ${row.name}, ${row.type || "no type"}: ${names[0]} ${write(row.values[x], heads.columns[x].unit)}, ${names[1]} ${write(row.values[y], heads.columns[y].unit)}`;
    const link = node("a", { href: row.href, "aria-label": said });
    const mark = node("circle", { class: "c-mark s0", cx: across(row.values[x]), cy: down(row.values[y]), r: 4.5 });
    mark.append(node("title", {}, said));
    link.append(mark);
    plot.append(link);
  }
}

function sortBy(table, index, button) {
  const isDown = button.parentElement.getAttribute("aria-sort") === "descending";
  const value = (row) => {
    const cell = row.cells[index];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const [first, second] = [value(a), value(b)];
    // What has no number stays at the end.
    if (Number.isNaN(first) || Number.isNaN(second)) return Number.isNaN(first) - Number.isNaN(second);
    const order = typeof first === "number" ? first - second : first.localeCompare(second);
    return isDown ? order : -order;
  });
  table.tBodies[0].append(...rows);
  table.querySelectorAll("th[aria-sort]").forEach((head) => head.removeAttribute("aria-sort"));
  button.parentElement.setAttribute("aria-sort", isDown ? "ascending" : "descending");
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((head, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sortBy(table, index, button));
    head.replaceChildren(button);
  });
}

document.getElementById("chooser").hidden = false;
choices.forEach((choice) => choice.addEventListener("change", draw));
document.querySelectorAll("table.sortable").forEach(makeSortable);
draw();
