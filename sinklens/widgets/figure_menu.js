// The menu that saves a picture as a file: in the head of its card, or below it where there is no card.
// Pictures of one card share one menu; what was chosen last is kept in the browser for all of them.

const FIGURE_FORMATS = ["svg", "pdf", "png"];
const FIGURE_CHOICE = { unit: "mm", width: 160, height: "", dpi: 300 };
const FIGURE_STORE = "sinklens-figure";
const MM_PER_INCH = 25.4;

// Adds a picture to the menu as soon as it is on the page; the result takes it away again.
function figureMenu(model, el) {
  let leave = () => {};
  const waiting = new ResizeObserver(() => {
    if (!el.isConnected) return;
    waiting.disconnect();
    leave = joinMenu(model, el);
  });
  waiting.observe(el);
  return () => {
    waiting.disconnect();
    leave();
  };
}

function joinMenu(model, el) {
  const head = el.closest(".card")?.querySelector(":scope > .card-header");
  const home = head ?? figureNode("div", "sl-figure-row", el);
  const menu = [...home.children].find((child) => child.slPictures) ?? builtMenu(home);
  const picture = { model, el };
  const answered = (content, buffers) => content.answers === "figure" && menu.slAnswer(content, buffers);
  menu.slPictures.push(picture);
  model.on("msg:custom", answered);
  return () => {
    model.off("msg:custom", answered);
    menu.slPictures = menu.slPictures.filter((other) => other !== picture);
    if (!menu.slPictures.length) menu.remove();
  };
}

function figureNode(tag, name, parent, properties = {}) {
  const node = Object.assign(document.createElement(tag), properties);
  node.className = name;
  parent.appendChild(node);
  return node;
}

function builtMenu(home) {
  const menu = figureNode("div", "sl-figure", home), kept = keptChoice();
  const button = figureNode("button", "btn btn-default btn-sm", menu, { type: "button", textContent: say("Figure") });
  button.setAttribute("aria-label", say("Download the figure"));
  const sheet = figureNode("div", "sl-sheet sl-figure-sheet", menu, { popover: "auto" });
  sheet.setAttribute("role", "dialog");
  sheet.setAttribute("aria-label", say("Download the figure"));
  button.popoverTargetElement = sheet;
  const head = figureNode("div", "sl-sheet-head", sheet);
  figureNode("h3", "", head, { textContent: say("Download the figure") });
  const close = figureNode("button", "btn btn-default btn-sm", head, { type: "button", textContent: say("Close") });
  close.popoverTargetElement = sheet;
  close.popoverTargetAction = "hide";
  const which = figureField("select", say("Figure"), sheet, {});
  const fields = figureNode("div", "sl-figure-fields", sheet);
  const inputs = {
    width: figureField("input", say("Width"), fields, { type: "number", min: 1, value: kept.width }),
    height: figureField("input", say("Height"), fields, { type: "number", min: 1, value: kept.height, placeholder: say("as it needs") }),
    unit: figureField("select", say("Unit"), fields, {}),
    dpi: figureField("input", say("Dots per inch"), fields, { type: "number", min: 36, max: 1200, value: kept.dpi }),
  };
  inputs.unit.append(...["mm", "px"].map((unit) => new Option(unit, unit, false, unit === kept.unit)));
  inputs.unit.addEventListener("change", () => convert(inputs));
  const formats = figureNode("div", "sl-figure-formats", sheet);
  const status = figureNode("p", "sl-muted", sheet);
  status.setAttribute("role", "status");
  let number = 0;
  menu.slPictures = [];
  // Hidden pictures of the card, such as those of another choice, are not offered.
  const seen = () => menu.slPictures.filter(({ el }) => el.getClientRects().length);
  sheet.addEventListener("beforetoggle", ({ newState }) => {
    if (newState !== "open") return;
    status.textContent = "";
    which.replaceChildren(...seen().map(({ model }, i) => new Option(`${i + 1}: ${model.get("label") || say("figure")}`, i)));
    which.parentElement.hidden = seen().length < 2;
  });
  for (const format of FIGURE_FORMATS) {
    const ask = figureNode("button", "btn btn-default", formats, { type: "button", textContent: format.toUpperCase() });
    ask.addEventListener("click", () => {
      const picture = seen()[Number(which.value) || 0];
      if (!picture) return;
      keep(inputs);
      status.textContent = say("Drawing …");
      const title = [...home.querySelectorAll("h2, h3")].find((heading) => !menu.contains(heading))?.textContent ?? "";
      picture.model.send({ asks: "figure", number: ++number, title, paper: paperOf(inputs, format) });
    });
  }
  menu.slAnswer = (content, buffers) => {
    if (content.number !== number) return; // a later wish is on its way
    status.textContent = content.problem ?? `${say("Saved as {name}.", { name: content.name })} ${content.note}`;
    if (!content.problem) saveFile(content.name, new Blob([buffers[0]], { type: content.type }));
  };
  return menu;
}

function figureField(tag, name, parent, properties) {
  const label = figureNode("label", "sl-figure-field", parent);
  label.append(name);
  return figureNode(tag, tag === "select" ? "form-select form-select-sm" : "form-control form-control-sm", label, properties);
}

function paperOf({ width, height, unit, dpi }, format) {
  const dots = Number(dpi.value), mm = (value) => Number(value) * (unit.value === "px" ? MM_PER_INCH / dots : 1);
  return { format, width_mm: mm(width.value), height_mm: height.value ? mm(height.value) : null, dpi: Math.round(dots) };
}

// The same size in the other unit.
function convert({ width, height, unit, dpi }) {
  const perMm = Number(dpi.value) / MM_PER_INCH, factor = unit.value === "px" ? perMm : 1 / perMm;
  for (const field of [width, height]) if (field.value) field.value = Math.round(Number(field.value) * factor);
}

function keptChoice() {
  try {
    return { ...FIGURE_CHOICE, ...JSON.parse(localStorage.getItem(FIGURE_STORE) ?? "{}") };
  } catch {
    return FIGURE_CHOICE; // a notebook may forbid to keep anything
  }
}

function keep({ width, height, unit, dpi }) {
  const choice = { width: width.value, height: height.value, unit: unit.value, dpi: dpi.value };
  try {
    localStorage.setItem(FIGURE_STORE, JSON.stringify(choice));
  } catch {
    // The choice is only forgotten.
  }
}

function saveFile(name, blob) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
