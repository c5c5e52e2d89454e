// Shared by the pictures made of cells: the page around them (canvases, legend, theme, redrawing).

const looks = {};

// Colours and fonts of the page; asking for them anew makes the browser style everything that has changed.
function theme(side, host) {
  if (isNotebook()) return readTheme(side, host);
  const name = `${document.documentElement.dataset.bsTheme} ${side}`;
  return (looks[name] ??= readTheme(side, host));
}

// A notebook has names of its own for its colours, and its own ways to change them.
function isNotebook() {
  return document.documentElement.dataset.bsTheme === undefined;
}

function readTheme(side, host) {
  const css = getComputedStyle(document.body), ink = getComputedStyle(host).color;
  const read = (name, otherwise) => css.getPropertyValue(name).trim() || otherwise;
  const faint = (percent) => `color-mix(in srgb, ${ink} ${percent}%, transparent)`;
  const line = read("--bs-border-color", faint(25));
  return {
    ink: read("--bs-body-color", ink),
    quiet: read("--bs-secondary-color", faint(75)),
    line,
    paper: read("--bs-body-bg", groundOf(host)),
    maskedPaper: read("--sl-masked-a", "transparent"),
    maskedLine: read("--sl-masked-b", line),
    accent: side === "B" ? read("--sl-side-b", "#D55E00") : read("--sl-side-a", "#0072B2"),
    sink: read("--sl-sink", "#E69F00"),
    text: css.fontFamily,
    mono: read("--sl-mono", "monospace"),
  };
}

// The colour behind an element, also outside the shadow that a notebook may put it in.
function groundOf(node) {
  const colour = getComputedStyle(node).backgroundColor;
  if (!/^(transparent|rgba\(.*, 0\))$/.test(colour)) return colour;
  const around = node.parentElement ?? node.getRootNode().host;
  return around ? groundOf(around) : "#fff";
}

// Diagonal lines for cells without a value; crossed lines for hidden ones.
function texture(context, look, crossed = false) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.fillStyle = look.maskedPaper;
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = crossed ? look.quiet : look.maskedLine;
  pen.lineWidth = crossed ? 0.7 : 1.5;
  pen.beginPath();
  for (const shift of [-8, 0, 8]) {
    pen.moveTo(shift, 8);
    pen.lineTo(shift + 8, 0);
    if (crossed) {
      pen.moveTo(shift, 0);
      pen.lineTo(shift + 8, 8);
    }
  }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

// A canvas as wide and high as told, sharp on dense screens.
function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1, across = Math.round(width * ratio), down = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  if (canvas.width === across && canvas.height === down && canvas.style.width === `${width}px`) {
    context.reset();
  } else {
    canvas.width = across;
    canvas.height = down;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  context.scale(ratio, ratio);
  return context;
}

function element(tag, name, parent, attributes = {}) {
  const node = document.createElement(tag);
  node.className = name;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.appendChild(node);
  return node;
}

// Two canvases above each other: the picture, and what follows the pointer.
function stage(parent, description) {
  const root = element("div", "cells-stage", parent);
  const picture = element("canvas", "cells-picture", root, { "aria-hidden": "true" });
  const front = element("canvas", "cells-front", root, {
    tabindex: "0", role: "application", "aria-roledescription": description,
  });
  return { root, picture, front };
}

function cut(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let n = text.length;
  while (n > 1 && context.measureText(`${text.slice(0, n)}…`).width > width) n--;
  return `${text.slice(0, n)}…`;
}

// The row under a picture: colour bar with its ends, what the textures mean, choice of scale.
function legend(parent, model) {
  const root = element("div", "cells-legend", parent);
  const low = element("span", "cells-end", root);
  const bar = element("canvas", "cells-bar", root, { "aria-hidden": "true" });
  const high = element("span", "cells-end", root);
  const notes = element("span", "cells-notes", root);
  const label = element("label", "cells-scale", root);
  label.append(`${say("Colour")} `);
  const choice = element("select", "form-select form-select-sm", label);
  for (const [key, name] of Object.entries(SCALES)) {
    const option = element("option", "", choice, { value: key });
    option.textContent = say(name); // one of SCALES
  }
  choice.addEventListener("change", () => {
    model.set("scale", choice.value);
    model.save_changes();
  });
  let former = "";
  const show = (range, sentences, look) => {
    const wanted = JSON.stringify([range.low, range.high, sentences, look, model.get("scale"), model.get("palette")]);
    if (wanted === former) return;
    former = wanted;
    choice.value = model.get("scale");
    label.style.display = ["diverging", "sides"].includes(model.get("palette")) ? "none" : ""; // another scale would move the middle
    low.textContent = choice.value === "log" ? `≤ ${short(range.low + (range.high - range.low) * 10 ** -N_DECADES)}` : short(range.low);
    high.textContent = short(range.high);
    notes.replaceChildren(...sentences.map(([kind, text]) => swatch(kind, text, look)));
    const pen = sized(bar, 96, 10), table = colourTable(model.get("palette"));
    for (let x = 0; x < 96; x++) {
      pen.fillStyle = `rgb(${parts(table, Math.round((x / 95) * 255)).join(",")})`;
      pen.fillRect(x, 0, 1, 10);
    }
  };
  return { root, show };
}

function swatch(kind, text, look) {
  const note = document.createElement("span");
  note.className = "cells-note";
  if (kind !== "text") {
    const pen = sized(element("canvas", "", note, { "aria-hidden": "true" }), 14, 14);
    pen.fillStyle = texture(pen, look, kind === "hidden");
    if (kind === "sink") {
      pen.strokeStyle = look.sink;
      pen.lineWidth = 3;
      pen.strokeRect(2, 2, 10, 10);
    } else {
      pen.fillRect(0, 0, 14, 14);
      pen.strokeStyle = look.line;
      pen.strokeRect(0.5, 0.5, 13, 13);
    }
  }
  note.append(` ${text}`);
  return note;
}

// Calls `draw` once after any number of changes in the same turn, and when the theme or the width changes.
function redrawn(model, traits, host, draw) {
  let isWaiting = false;
  const ask = () => {
    if (isWaiting) return;
    isWaiting = true;
    queueMicrotask(() => {
      isWaiting = false;
      draw();
    });
  };
  const stop = listening(model, traits, ask);
  const colours = new MutationObserver(ask);
  // The page's own classes change whenever it is busy; a notebook's change with its theme.
  const named = isNotebook() ? ["class", "style", "data-theme", "data-jp-theme-name"] : [];
  for (const node of [document.documentElement, document.body]) {
    colours.observe(node, { attributes: true, attributeFilter: ["data-bs-theme", ...named] });
  }
  const width = new ResizeObserver(ask);
  width.observe(host);
  return () => {
    stop();
    colours.disconnect();
    width.disconnect();
  };
}

function listening(model, traits, act) {
  const events = traits.map((trait) => `change:${trait}`).join(" ");
  model.on(events, act);
  return () => model.off(events, act);
}

// An image painted by `fill(pixels, row length)`, laid on the picture.
function laid(pen, [x, y, width, height], fill) {
  const ratio = window.devicePixelRatio || 1, sheet = document.createElement("canvas");
  sheet.width = Math.max(1, Math.round(width * ratio));
  sheet.height = Math.max(1, Math.round(height * ratio));
  const context = sheet.getContext("2d"), image = context.createImageData(sheet.width, sheet.height);
  fill(new Uint32Array(image.data.buffer), sheet.width, sheet.height);
  context.putImageData(image, 0, 0);
  pen.drawImage(sheet, x, y, width, height);
}

function drawn(node, detail) {
  node.dispatchEvent(new CustomEvent("sinklens:drawn", { bubbles: true, detail }));
}
