// Tells the server, once, that a mark has come into view: what lies below it is computed only then.
(() => {
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      Shiny.setInputValue(target.dataset.slSeen, true);
    }
  });
  $(document).on("shiny:connected", () => document.querySelectorAll("[data-sl-seen]").forEach((mark) => seen.observe(mark)));
})();
