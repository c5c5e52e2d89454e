// Behaviour of the frame: Ctrl+Enter runs, characters are counted, tabs that find no room scroll, and on a
// narrow window the drawer never stands before what was just asked for.

const narrow = window.matchMedia("(max-width: 767.98px)");

function runFromKeyboard(event) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !event.target.matches("textarea")) return;
  const panel = event.target.closest("aside");
  const button = panel && panel.querySelector("[data-sl-run-button]");
  if (!button) return;
  event.preventDefault();
  // Shiny waits before it sends typed text; "change" makes it send what stands there now.
  event.target.dispatchEvent(new Event("change", { bubbles: true }));
  button.click();
}

function countCharacters(area) {
  const count = area.closest(".sl-text-input")?.querySelector("[data-sl-max-chars]");
  if (!count) return;
  // Code points, as Python counts them.
  const n = Array.from(area.value).length;
  const limit = Number(count.dataset.slMaxChars);
  const format = new Intl.NumberFormat("en");
  const sentence = n > limit ? count.dataset.slOver : count.dataset.slCount;
  count.textContent = sentence.replace("{n}", format.format(n)).replace("{max}", format.format(limit));
  count.classList.toggle("sl-over", n > limit);
}

// Shiny only takes handlers with one argument.
function closeDrawer(_message) {
  if (!narrow.matches) return;
  const toggle = document.querySelector('.collapse-toggle[aria-controls="sidebar"][aria-expanded="true"]');
  if (toggle) toggle.click();
}

// Arrows over the ends of the tabs that show that there are more, and go there; the keyboard's arrow keys
// move over the tabs anyway, so these stay out of its way.
function scrollingTabs(tabs) {
  const frame = document.createElement("div");
  frame.className = "sl-tabs";
  tabs.before(frame);
  frame.append(tabs);
  const arrows = [["‹", -1], ["›", 1]].map(([sign, direction]) => {
    const arrow = document.createElement("button");
    arrow.type = "button";
    arrow.className = `sl-tabs-more sl-tabs-${direction < 0 ? "before" : "after"}`;
    arrow.textContent = sign;
    arrow.tabIndex = -1;
    arrow.setAttribute("aria-hidden", "true");
    arrow.addEventListener("click", () => tabs.scrollBy({ left: direction * 0.7 * tabs.clientWidth, behavior: "smooth" }));
    frame.append(arrow);
    return arrow;
  });
  const mark = () => {
    arrows[0].hidden = tabs.scrollLeft < 2;
    arrows[1].hidden = tabs.scrollLeft > tabs.scrollWidth - tabs.clientWidth - 2;
  };
  // Not scrollIntoView, which would move the page too.
  const showActive = () => {
    const active = tabs.querySelector(".nav-link.active")?.parentElement;
    if (active) tabs.scrollLeft = active.offsetLeft - (tabs.clientWidth - active.offsetWidth) / 2;
    mark();
  };
  tabs.addEventListener("scroll", mark, { passive: true });
  tabs.addEventListener("shown.bs.tab", showActive);
  new ResizeObserver(showActive).observe(tabs);
}

// Bootstrap gives tabs their roles when the document is loaded; those of a page that comes later wait for it.
function nameTabs(page) {
  page.querySelectorAll('[data-bs-toggle="tab"]').forEach((tab) => bootstrap.Tab.getOrCreateInstance(tab));
}

// Shiny would read the computed colours and font of every widget again whenever anything is shown or hidden:
// with a page full of them that takes longer than the drawing, and no widget here asks for it.
$(document).on("shiny:bound", ({ target }) => {
  target.classList.remove("shiny-report-theme");
  if ("slOpened" in target.dataset) nameTabs(target.parentElement);
});
document.querySelectorAll(".navbar .navbar-nav").forEach(scrollingTabs);
document.addEventListener("keydown", runFromKeyboard);
document.addEventListener("shown.bs.tab", closeDrawer);
narrow.addEventListener("change", closeDrawer);
document.addEventListener("input", (event) => {
  if (event.target.matches(".sl-text-input textarea")) countCharacters(event.target);
});
// A text that the server fills in raises no input event, but Shiny's own.
$(document).on("shiny:inputchanged", (event) => {
  const area = event.el && event.el.matches?.(".sl-text-input textarea") ? event.el : null;
  if (area) countCharacters(area);
});
$(document).on("shiny:connected", () => Shiny.addCustomMessageHandler("sl-run-finished", closeDrawer));
// Until then the server puts off what would slow the first picture down.
document.addEventListener("sinklens:drawn", () => {
  requestAnimationFrame(() => setTimeout(() => Shiny.setInputValue("first_picture", true)));
}, { once: true });
