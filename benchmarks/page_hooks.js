// Notes in the page what arrives over the WebSocket and when a picture is drawn.

window.received = []; window.pictures = [];
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => {
      received.push([performance.now(), data.length ?? data.size ?? data.byteLength]);
    });
  }
};
document.addEventListener("sinklens:drawn", ({ target }) => {
  pictures.push([performance.now(), target.closest(".shiny-bound-output")?.id]);
});
window.drawnAfter = (start, id) => new Promise((resolve, reject) => {
  const end = start + 120000;
  const look = () => {
    const found = pictures.find(([at, where]) => at >= start && (!id || where === id));
    if (found) resolve(found[0]);
    else if (performance.now() > end) reject(new Error(`nothing drawn in ${id}`));
    else setTimeout(look, 1);
  };
  look();
});
window.chosen = async (id, value) => {
  const start = performance.now(), select = document.getElementById(id);
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
  return [start, await drawnAfter(start, "heads-chosen-picture")];
};
window.ran = async (text, id) => {
  const area = document.getElementById("panel-text");
  area.value = text;
  area.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise((resolve) => setTimeout(resolve, 1200));
  const start = performance.now();
  document.getElementById("panel-run").click();
  return [start, await drawnAfter(start, id)];
};
window.bytesBetween = (start, end) => {
  const between = received.filter(([at]) => at >= start && at <= end);
  return between.reduce((n, [, size]) => n + size, 0);
};
