// The language is chosen by the reader and kept in the browser; the page is then opened again in it.

document.addEventListener("change", ({ target }) => {
  if (target.id !== "language") return;
  document.cookie = `${target.dataset.slCookie}=${target.value}; path=/; max-age=31536000; SameSite=Lax`;
  location.reload();
});
