// The text as tokens. Labels come from users and vocabularies: they are only ever set as textContent.

const SPACE = "·";

function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function tokenElement(token, index) {
  const span = make("span", "sl-token");
  span.setAttribute("role", "button");
  span.setAttribute("aria-label", token.spoken);
  span.setAttribute("aria-pressed", "false");
  span.dataset.index = index;
  span.tabIndex = -1;
  span.classList.toggle("sl-token-special", token.special);
  span.classList.toggle("sl-token-sink", token.sink);
  span.classList.toggle("sl-token-few", token.few);
  span.style.setProperty("--fill", token.fill);
  span.style.setProperty("--thick", token.thick);
  const marked = token.label.startsWith(SPACE) && token.label.length > 1;
  if (marked) span.append(make("span", "sl-token-space", SPACE));
  const label = make("bdi", "", marked ? token.label.slice(1) : token.label);
  label.dir = "auto";
  span.append(label);
  return span;
}

function textElement(frame) {
  const text = make("div", "sl-strip-text");
  text.dir = frame.direction;
  text.setAttribute("role", "group");
  text.setAttribute("aria-label", say("Tokens of the text. Arrow keys move, Enter selects."));
  frame.tokens.forEach((token, index) => {
    if (token.before === "line") text.append(document.createElement("br"));
    if (token.before === "space") text.append(" ");
    text.append(tokenElement(token, index), make("wbr", ""));
  });
  return text;
}

function legendElement(frame) {
  const legend = make("div", "sl-strip-legend");
  const scale = make("span", "sl-strip-scale");
  scale.append(make("span", "", frame.low), make("span", "sl-strip-ramp"), make("span", "", frame.high));
  legend.append(make("span", "", frame.legend), scale);
  legend.append(make("span", "", frame.line || say("Line: attention received, thicker is more")));
  if (frame.tokens.some((token) => token.sink)) legend.append(make("span", "sl-token sl-token-sink", say("sink")));
  if (frame.tokens.some((token) => token.special)) {
    legend.append(make("span", "sl-token sl-token-special", say("special token")));
  }
  if (frame.tokens.some((token) => token.few)) {
    legend.append(make("span", "sl-token sl-token-few", say("mean over few queries")));
  }
  return legend;
}

function render({ model, el }) {
  const root = make("div", "sl-strip");
  el.append(root);
  let spans = [];
  let readout = null;
  let reachable = 0;
  let isShown = true;
  let isStale = false;

  function reach(index, focus) {
    if (!spans[index]) return;
    if (spans[reachable]) spans[reachable].tabIndex = -1;
    reachable = index;
    spans[index].tabIndex = 0;
    if (focus) spans[index].focus();
  }
  function tell(index) {
    const selected = model.get("selected");
    const told = index ?? selected;
    const token = model.get("frame").tokens?.[told];
    const hint = model.get("frame").hint || say("Point at a token to read its share; choose one to select it on every page.");
    readout.textContent = token ? token.spoken : hint;
  }
  function mark() {
    const selected = model.get("selected");
    spans.forEach((span, index) => span.setAttribute("aria-pressed", String(index === selected)));
    if (selected !== null) reach(selected, false);
    if (readout) tell(null);
  }
  function choose(index) {
    // Emptied first, so that a second choice of the same token is seen too.
    model.set("clicked", null);
    model.save_changes();
    model.set("clicked", index);
    model.save_changes();
  }
  // A strip on a hidden page waits: it has a few elements for every token.
  function draw() {
    const frame = model.get("frame");
    isStale = !isShown;
    if (isStale || !frame.tokens) return;
    const text = textElement(frame);
    root.dataset.side = frame.side;
    readout = make("p", "sl-strip-readout");
    readout.setAttribute("aria-hidden", "true"); // the tokens carry the same words
    root.replaceChildren(legendElement(frame), text, readout);
    spans = [...text.querySelectorAll(".sl-token")];
    reachable = 0;
    reach(0, false);
    mark();
  }
  function indexOf(event) {
    const span = event.target.closest(".sl-strip-text .sl-token");
    return span ? Number(span.dataset.index) : null;
  }
  function key(event) {
    const index = indexOf(event);
    if (index === null) return;
    const rtl = model.get("frame").direction === "rtl";
    const steps = { ArrowRight: rtl ? -1 : 1, ArrowLeft: rtl ? 1 : -1, ArrowDown: 1, ArrowUp: -1 };
    const goals = { Home: 0, End: spans.length - 1 };
    const goal = event.key in steps ? index + steps[event.key] : goals[event.key];
    if (goal !== undefined) reach(Math.min(Math.max(goal, 0), spans.length - 1), true);
    else if (event.key === "Enter" || event.key === " ") choose(index);
    else return;
    event.preventDefault();
  }

  root.addEventListener("click", (event) => indexOf(event) !== null && choose(indexOf(event)));
  root.addEventListener("keydown", key);
  for (const kind of ["pointerover", "focusin"]) {
    root.addEventListener(kind, (event) => readout && tell(indexOf(event)));
  }
  root.addEventListener("pointerleave", () => readout && tell(null));
  model.on("change:frame", draw);
  model.on("change:selected", mark);
  const room = new ResizeObserver(([{ contentRect }]) => {
    isShown = contentRect.width > 0;
    if (isShown && isStale) draw();
  });
  room.observe(root);
  draw();
  const leave = figureMenu(model, el);
  return () => {
    leave();
    room.disconnect();
    model.off("change:frame", draw);
    model.off("change:selected", mark);
  };
}

export default { render };
