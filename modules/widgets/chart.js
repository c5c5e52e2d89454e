// A persistent Plotly chart: every new figure goes through Plotly.react.

const CONFIG = {
  responsive: true,
  displaylogo: false,
  showSendToCloud: false, // would upload the figure to a cloud service
  displayModeBar: false, // would cover the data of a small chart; dragging zooms, a double click resets
};

// What Plotly itself says, in the language of the page.
function spoken() {
  const dictionary = {
    "Double-click to zoom back out": say("Double-click to zoom back out"),
    "Double-click on legend to isolate one trace": say("Double-click on legend to isolate one trace"),
  };
  return { ...CONFIG, locale: "page", locales: { page: { dictionary } } };
}

// Replaces "var(--name)" by the value that the page has now.
function resolved(value, css) {
  if (typeof value === "string") {
    return value.replace(/var\((--[\w-]+)\)/g, (whole, name) => css.getPropertyValue(name).trim() || whole);
  }
  if (Array.isArray(value)) return value.map((item) => resolved(item, css));
  if (value && typeof value === "object" && !ArrayBuffer.isView(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, css)]));
  }
  return value;
}

function merged(base, over) {
  const plain = (value) => value && typeof value === "object" && !Array.isArray(value);
  const result = { ...base };
  for (const [key, value] of Object.entries(over)) {
    result[key] = plain(value) && plain(base[key]) ? merged(base[key], value) : value;
  }
  return result;
}

function themed(layout, css) {
  const ink = css.getPropertyValue("--bs-body-color").trim();
  const grid = css.getPropertyValue("--bs-border-color").trim();
  const paper = css.getPropertyValue("--bs-body-bg").trim();
  const axis = { color: ink, gridcolor: grid, linecolor: grid, zeroline: false, automargin: true };
  const base = {
    font: { color: ink, size: 12, family: css.fontFamily },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 48, r: 12, t: 12, b: 40 },
    hoverlabel: { bgcolor: paper, bordercolor: grid, font: { color: ink } },
    xaxis: axis,
    yaxis: axis,
  };
  for (const key of Object.keys(layout)) if (/^[xy]axis\d+$/.test(key)) base[key] = axis;
  return merged(base, hung(layout));
}

// A legend above the plot hangs from the top of the chart: standing on the plot, it would cover the lines when
// a resize changes the number of its rows, as Plotly measures it before it is laid out anew.
function hung(layout) {
  const { legend, margin } = layout;
  if (!(legend?.y > 1)) return layout;
  const above = { yref: "container", y: 1, yanchor: "top" };
  return { ...layout, legend: { ...legend, ...above }, margin: { ...margin, t: Math.min(margin?.t ?? 12, 24) } };
}

function render({ model, el }) {
  const plot = document.createElement("div");
  plot.className = "sl-chart";
  plot.setAttribute("role", "img");
  const config = spoken(), empty = say("Chart, nothing drawn yet"); // a picture without a name is one that nobody can skip
  plot.setAttribute("aria-label", empty);
  plot.style.cssText = "width:100%;height:100%;min-height:160px";
  el.appendChild(plot);

  let isShown = true, isStale = false;

  // A chart on a hidden page waits: Plotly takes as long for it as for one that is seen.
  async function draw() {
    isStale = !isShown;
    if (isStale) return;
    const css = getComputedStyle(document.body);
    const { data = [], layout = {} } = resolved(model.get("figure"), css);
    plot.setAttribute("aria-label", model.get("label") || empty);
    // When the window changes, Plotly takes the element's height in the place of the figure's.
    plot.style.height = layout.height ? `${layout.height}px` : "100%";
    await Plotly.react(plot, data, themed(layout, css), config);
    plot.dispatchEvent(new CustomEvent("sinklens:drawn", { bubbles: true }));
  }
  function click({ points: [point] }) {
    // Emptied first, so that a second click on the same point is seen too.
    model.set("clicked", null);
    model.save_changes();
    model.set("clicked", [point.curveNumber, point.pointIndex ?? point.pointNumber, point.x, point.y]);
    model.save_changes();
  }

  draw().then(() => plot.on("plotly_click", click));
  model.on("change:figure change:label", draw);
  const theme = new MutationObserver(draw);
  theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
  const room = new ResizeObserver(([{ contentRect }]) => {
    isShown = contentRect.width > 0;
    if (isShown && isStale) draw();
  });
  room.observe(plot);
  const leave = figureMenu(model, el);
  return () => {
    leave();
    theme.disconnect();
    room.disconnect();
    model.off("change:figure change:label", draw);
    Plotly.purge(plot);
  };
}

export default { render };
