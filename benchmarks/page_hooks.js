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
  // What is drawn may wait in a list until somebody asks for a pixel.
  target.querySelector(".cells-picture")?.getContext("2d").getImageData(0, 0, 1, 1);
  const words = target.querySelector(".cells-front")?.getAttribute("aria-label") ?? "";
  pictures.push([performance.now(), target.closest(".shiny-bound-output")?.id, words]);
});
window.drawnAfter = (start, id, words = "") => new Promise((resolve, reject) => {
  const end = start + 120000;
  const look = () => {
    const found = pictures.find(([at, where, said]) => at >= start && (!id || where === id) && said.startsWith(words));
    if (found) resolve(found[0]);
    else if (performance.now() > end) reject(new Error(`nothing drawn in ${id}`));
    else setTimeout(look, 1);
  };
  look();
});
// Another head of the layer in view: from the change of the select to its own picture.
window.chosen = async (head) => {
  const layer = document.getElementById("heads-chosen-layer").value;
  const start = performance.now(), select = document.getElementById("heads-chosen-head");
  select.value = head;
  select.dispatchEvent(new Event("change", { bubbles: true }));
  return [start, await drawnAfter(start, "heads-chosen-picture", `Head ${layer}.${head} `)];
};
// Another head by a click into the mosaic.
window.pickedHead = async (layer, head) => {
  const front = document.querySelector("#heads-all-mosaic .cells-front"), box = front.getBoundingClientRect();
  const { left, top, pitch } = front.dataset, middle = (place) => (place + 0.4) * pitch;
  const at = { clientX: box.left + Number(left) + middle(head), clientY: box.top + Number(top) + middle(layer) };
  const start = performance.now();
  front.dispatchEvent(new MouseEvent("click", { bubbles: true, ...at }));
  return [start, await drawnAfter(start, "heads-chosen-picture", `Head ${layer}.${head} `)];
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
