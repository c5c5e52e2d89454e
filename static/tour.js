// The guided tour: a line that offers it once, and a card at the foot of the window; the page stays usable.

const TOUR = "sinklens.tour"; // what became of the offer: "offered", "declined" or "taken"
const PATIENCE_MS = 15000; // for a page that is opened for the first time

const tourCard = document.getElementById("sl-tour");
const tourOffer = document.querySelector(".tour-offer");
let tourStep = -1, tourReturn = null, tourWait = 0;

function tourKept(value) {
  try {
    if (value !== undefined) localStorage.setItem(TOUR, value);
    return localStorage.getItem(TOUR);
  } catch {
    return "offered"; // a browser that keeps nothing would be asked at every visit
  }
}

function tourSteps() {
  return [...tourCard.querySelectorAll("[data-sl-anchor]")];
}

function clearTarget() {
  clearInterval(tourWait);
  document.querySelectorAll(".tour-target").forEach((target) => target.classList.remove("tour-target"));
}

// In a narrow window the left panel is a closed drawer, and its handle stands for it.
function targetOf(selector) {
  const seen = (element) => element && element.getClientRects().length > 0 && element.getBoundingClientRect().width > 8;
  if (selector === "#sidebar" && narrow.matches) return document.querySelector('.collapse-toggle[aria-controls="sidebar"]');
  return [...document.querySelectorAll(selector)].find(seen) ?? null;
}

function outline(step) {
  clearTarget();
  const began = Date.now();
  const find = () => {
    const target = targetOf(step.dataset.slAnchor);
    if (!target && Date.now() - began < PATIENCE_MS) return;
    clearInterval(tourWait);
    if (!target) return;
    target.classList.add("tour-target");
    target.scrollIntoView({ block: narrow.matches ? "start" : "center", behavior: "instant" });
  };
  tourWait = setInterval(find, 150);
  find();
}

function showStep(index) {
  const steps = tourSteps();
  tourStep = index;
  steps.forEach((step, place) => { step.hidden = place !== index; });
  const place = tourCard.querySelector("[data-sl-place]");
  place.textContent = place.dataset.slPlace.replace("{place}", index + 1).replace("{all}", steps.length);
  tourCard.querySelector("[data-sl-tour-back]").disabled = index === 0;
  const next = tourCard.querySelector("[data-sl-tour-next]");
  next.dataset.slNext ??= next.textContent;
  next.textContent = index === steps.length - 1 ? next.dataset.slLast : next.dataset.slNext;
  const title = steps[index].querySelector("h2");
  tourCard.setAttribute("aria-labelledby", title.id);
  const tab = document.querySelector(`.navbar [data-value="${steps[index].dataset.slPage}"]`);
  if (tab && !tab.classList.contains("active")) tab.click();
  outline(steps[index]);
  title.focus({ preventScroll: true });
}

function beginTour(from) {
  tourKept("taken");
  tourOffer.hidden = true;
  tourReturn = from;
  tourCard.hidden = false;
  showStep(0);
}

function endTour() {
  clearTarget();
  tourCard.hidden = true;
  tourStep = -1;
  const back = tourReturn && tourReturn.getClientRects().length ? tourReturn : document.querySelector(".navbar .nav-link.active");
  back?.focus();
}

document.addEventListener("click", ({ target }) => {
  const on = (mark) => target.closest?.(`[data-sl-tour${mark}]`);
  if (on("")) beginTour(on(""));
  else if (on("-decline")) { tourKept("declined"); tourOffer.hidden = true; }
  else if (on("-back")) showStep(tourStep - 1);
  else if (on("-next")) { if (tourStep < tourSteps().length - 1) showStep(tourStep + 1); else endTour(); }
  else if (on("-end")) endTour();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && tourCard && !tourCard.hidden && !event.defaultPrevented) endTour();
});

if (tourOffer && !tourKept()) {
  tourKept("offered");
  tourOffer.hidden = false;
}
