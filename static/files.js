// A file that the server would refuse for its size is not sent at all.

document.addEventListener("change", (event) => {
  const input = event.target;
  if (!input.matches?.(".sl-files input[type=file]")) return;
  const frame = input.closest(".sl-files");
  const isTooLarge = [...input.files].some((file) => file.size > Number(frame.dataset.slMaxBytes));
  frame.querySelector("[data-sl-too-large]").hidden = !isTooLarge;
  if (!isTooLarge) return;
  event.stopImmediatePropagation();
  input.value = "";
}, true);
