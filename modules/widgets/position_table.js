// All positions as rows. Labels come from users and vocabularies: they are only ever set as textContent.

function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function tokenName(label, className = "") {
  const name = make("bdi", `positions-token ${className}`.trim(), label);
  name.dir = "auto";
  return name;
}

function pairCell(label, note) {
  const cell = make("td", "positions-pair");
  cell.setAttribute("role", "gridcell");
  if (label) cell.append(tokenName(label));
  if (note) cell.append(make("span", "positions-note", note));
  if (!label && !note) cell.append(make("span", "positions-none", "–"));
  return cell;
}

function surprisalCell(row) {
  const cell = make("td", "positions-nats");
  cell.setAttribute("role", "gridcell");
  if (row.nats === undefined) return cell;
  const bar = make("span", "positions-bar");
  bar.style.setProperty("--fill", row.fill);
  cell.append(make("span", "positions-number", row.nats), bar);
  return cell;
}

function maskCell(row, index, change) {
  const cell = make("td", "positions-mask");
  cell.setAttribute("role", "gridcell");
  if (!row.usable) return cell;
  const box = make("input", "");
  box.type = "checkbox";
  box.tabIndex = -1;
  box.setAttribute("aria-label", say("Mask token {index}", { index }));
  box.addEventListener("change", () => change(index, box.checked));
  cell.append(box);
  return cell;
}

function rowElement(row, index, masked, change) {
  const line = make("tr", "");
  line.setAttribute("role", "row");
  line.setAttribute("aria-label", row.spoken);
  line.setAttribute("aria-selected", "false");
  line.dataset.index = index;
  line.tabIndex = -1;
  line.classList.toggle("positions-hit", Boolean(row.hit));
  line.classList.toggle("positions-unusable", !row.usable);
  if (!row.usable) line.setAttribute("aria-disabled", "true");
  const place = make("td", "positions-place", String(index));
  place.setAttribute("role", "gridcell");
  const token = make("td", "positions-text");
  token.setAttribute("role", "gridcell");
  token.append(tokenName(row.label, row.special ? "positions-special" : ""));
  line.append(place);
  if (masked) line.append(maskCell(row, index, change));
  line.append(token, pairCell(row.expected, row.share));
  // Behind a mask stands the row's own token, which need not be said twice.
  line.append(pairCell(masked ? "" : row.actual, row.own && `${row.own}, ${row.rank}`), surprisalCell(row));
  return line;
}

function headElement(frame) {
  const head = make("thead", "");
  const line = make("tr", "");
  line.setAttribute("role", "row");
  const names = ["#", ...(frame.masked ? [say("mask")] : []), say("Token"), frame.expected, frame.actual, say("nats")];
  for (const name of names) {
    const cell = make("th", "", name);
    cell.setAttribute("role", "columnheader");
    cell.scope = "col";
    line.append(cell);
  }
  head.append(line);
  return head;
}

function tableElement(frame, change) {
  const table = make("table", "positions-table");
  table.setAttribute("role", "grid");
  const keys = frame.masked ? say("Arrow keys move, Enter chooses, Space masks.") : say("Arrow keys move, Enter chooses.");
  table.setAttribute("aria-label", `${say("Predictions at all positions.")} ${keys}`);
  const body = make("tbody", "");
  body.append(...frame.rows.map((row, index) => rowElement(row, index, frame.masked, change)));
  table.append(headElement(frame), body);
  return table;
}

function render({ model, el }) {
  const root = make("div", "positions");
  root.dataset.side = model.get("side");
  el.append(root);
  let lines = [];
  let reachable = 0;
  let isShown = true;
  let isStale = false;

  function reach(index, focus) {
    if (!lines[index]) return;
    if (lines[reachable]) lines[reachable].tabIndex = -1;
    reachable = index;
    lines[index].tabIndex = 0;
    if (focus) lines[index].focus();
  }
  function markRow() {
    const row = model.get("row");
    lines.forEach((line, index) => line.setAttribute("aria-selected", String(index === row)));
    if (row === null || !lines[row]) return;
    reach(row, false);
    const { offsetTop, offsetHeight } = lines[row];
    const scroll = root.querySelector(".positions-scroll");
    const top = scroll.querySelector("thead").offsetHeight;
    if (offsetTop - top < scroll.scrollTop) scroll.scrollTop = offsetTop - top;
    else if (offsetTop + offsetHeight > scroll.scrollTop + scroll.clientHeight) {
      scroll.scrollTop = offsetTop + offsetHeight - scroll.clientHeight;
    }
  }
  function markMasks() {
    const masks = new Set(model.get("masks"));
    lines.forEach((line, index) => {
      line.classList.toggle("positions-masked", masks.has(index));
      const box = line.querySelector("input");
      if (box) box.checked = masks.has(index);
    });
  }
  function mask(index, isMasked) {
    const masks = new Set(model.get("masks"));
    if (isMasked) masks.add(index);
    else masks.delete(index);
    model.set("masks", [...masks].sort((one, other) => one - other));
    model.save_changes();
  }
  function choose(index) {
    if (!model.get("frame").rows[index].usable) return;
    model.set("row", index);
    model.save_changes();
  }
  // A table on a hidden page waits: it has many elements for every token.
  function draw() {
    const frame = model.get("frame");
    isStale = !isShown;
    if (isStale || !frame.rows) return;
    const hadFocus = root.contains(document.activeElement);
    const scroll = make("div", "positions-scroll");
    const table = tableElement(frame, mask);
    scroll.append(table);
    root.replaceChildren(scroll, make("p", "positions-legend", frame.legend));
    lines = [...table.tBodies[0].rows];
    const goal = Math.min(reachable, lines.length - 1);
    reachable = 0;
    reach(goal, hadFocus);
    markMasks();
    markRow();
  }
  function indexOf(event) {
    const line = event.target.closest("tbody tr");
    return line ? Number(line.dataset.index) : null;
  }
  function key(event) {
    const index = indexOf(event);
    if (index === null || event.target.tagName === "INPUT") return;
    const frame = model.get("frame");
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
    const goals = { Home: 0, End: lines.length - 1 };
    const goal = event.key in steps ? index + steps[event.key] : goals[event.key];
    if (goal !== undefined) reach(Math.min(Math.max(goal, 0), lines.length - 1), true);
    else if (event.key === "Enter") choose(index);
    else if (event.key === " ") {
      if (frame.masked && frame.rows[index].usable) mask(index, !model.get("masks").includes(index));
      else choose(index);
    } else return;
    event.preventDefault();
  }

  root.addEventListener("click", (event) => {
    if (event.target.tagName !== "INPUT" && indexOf(event) !== null) choose(indexOf(event));
  });
  root.addEventListener("keydown", key);
  model.on("change:frame", draw);
  model.on("change:row", markRow);
  model.on("change:masks", markMasks);
  const room = new ResizeObserver(([{ contentRect }]) => {
    isShown = contentRect.width > 0;
    if (isShown && isStale) draw();
  });
  room.observe(root);
  draw();
  return () => {
    room.disconnect();
    model.off("change:frame", draw);
    model.off("change:row", markRow);
    model.off("change:masks", markMasks);
  };
}

export default { render };
