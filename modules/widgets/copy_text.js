// Copies the text beside the button; where the browser forbids it, selects the text instead.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-sl-copy]");
  if (!button) return;
  const text = button.parentElement.querySelector("pre");
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = say("Copied");
  } catch {
    getSelection().selectAllChildren(text);
    button.textContent = say("Selected");
  }
  setTimeout(() => { button.textContent = say("Copy"); }, 2000);
});
