// The words of a widget in the language of the page. A sentence in the code is English and is its own key, as in
// Python; a page in another language holds the others in an element of its own. A notebook has none: English.

// The sentence, with its {names} filled.
function say(sentence, values = {}) {
  const found = pageWords()[sentence] ?? sentence;
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function pageWords() {
  return (pageWords.kept ??= JSON.parse(document.getElementById("sl-words")?.textContent ?? "{}"));
}
