// Elements that report to the server when they are used: modules/widgets/telling.py writes their attributes.
// A script in an attribute would not run, see modules/page_policy.py.

function tell(element) {
  const { slTell, slValue } = element.dataset;
  Shiny.setInputValue(slTell, slValue === undefined ? element.value : JSON.parse(slValue), { priority: "event" });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-sl-tell]");
  if (button) tell(button);
});
document.addEventListener("change", (event) => {
  if (event.target.matches("input[data-sl-tell]")) tell(event.target);
});
// This event does not bubble.
document.addEventListener("toggle", ({ target }) => {
  if (!target.matches("details[data-sl-tell]") || !target.open || "slTold" in target.dataset) return;
  target.dataset.slTold = "";
  tell(target);
}, true);
