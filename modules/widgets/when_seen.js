// Tells the server, once, that a mark has come into view: what lies below it is computed only then.
(() => {
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      Shiny.setInputValue(target.dataset.slSeen, true);
    }
  });
  let isLooking = false;
  const watch = () => {
    isLooking = false;
    document.querySelectorAll("[data-sl-seen]:not([data-sl-watched])").forEach((mark) => {
      mark.dataset.slWatched = "";
      seen.observe(mark);
    });
  };
  // A page that has just come is bound output by output, so one look after all of them is enough.
  $(document).on("shiny:connected shiny:bound", () => {
    if (isLooking) return;
    isLooking = true;
    setTimeout(watch);
  });
})();
