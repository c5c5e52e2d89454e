// Keeps one text in this browser, and hands what is there over when the page opens.
function render({ model }) {
  const key = model.get("key");
  const attempt = (work) => {
    try {
      work();
    } catch {
      model.set("is_refused", true); // private windows and full stores refuse
    }
  };
  attempt(() => model.set("found", localStorage.getItem(key) ?? ""));
  model.set("is_open", true);
  model.save_changes();
  model.on("change:kept", () => {
    attempt(() => localStorage.setItem(key, model.get("kept")));
    model.save_changes();
  });
}
export default { render };
