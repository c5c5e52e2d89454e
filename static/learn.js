// The Learn page: a question opens what was measured, and the answers are kept in this browser alone.

const ANSWERS = "sinklens.learn.answers"; // {lesson: option}
const OPEN = "sinklens.learn.open"; // lesson or section in view

// A browser may refuse to keep anything; then the page forgets, and works.
function kept(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function keep(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // Nothing to do: see above.
  }
}

const lessonOf = (element) => element.closest("[data-sl-lesson]");
const optionText = (lesson, key) => lesson.querySelector(`input[value="${CSS.escape(key)}"] + span`)?.textContent.trim();

function reveal(lesson, guess) {
  const answer = lesson.dataset.slAnswer;
  const form = lesson.querySelector(".learn-question");
  const verdict = lesson.querySelector(".learn-verdict");
  const sentence = guess === answer ? form.dataset.slHit : form.dataset.slMiss;
  verdict.textContent = sentence
    .replace("{guess}", () => optionText(lesson, guess))
    .replace("{measured}", () => optionText(lesson, answer));
  verdict.classList.toggle("learn-hit", guess === answer);
  form.querySelectorAll("input").forEach((input) => {
    input.checked = input.value === guess;
    input.closest("label").classList.toggle("learn-right", input.value === answer);
  });
  form.querySelector("button").hidden = true;
  lesson.querySelector(".learn-result").hidden = false;
}

function hide(lesson) {
  lesson.querySelector(".learn-result").hidden = true;
  const button = lesson.querySelector(".learn-question button");
  button.hidden = false;
  button.disabled = true;
  lesson.querySelectorAll(".learn-question label").forEach((label) => {
    label.classList.remove("learn-right");
    label.querySelector("input").checked = false;
  });
}

function showProgress(content) {
  const answers = kept(ANSWERS, {});
  const questions = [...content.querySelectorAll(".learn-lesson:has(.learn-question)")];
  const isDone = (lesson) => lesson.dataset.slLesson in answers;
  questions.forEach((lesson) => {
    const entry = content.querySelector(`[data-sl-goto="${lesson.dataset.slLesson}"]`);
    entry.classList.toggle("learn-done", isDone(lesson));
    entry.querySelector(".visually-hidden").hidden = !isDone(lesson);
  });
  const line = content.querySelector("[data-sl-progress]");
  const done = questions.filter(isDone).length;
  line.textContent = line.dataset.slProgress.replace("{done}", done).replace("{all}", questions.length);
}

function goTo(content, name) {
  if (!content.querySelector(`[data-sl-lesson="${CSS.escape(name)}"]`)) return null;
  let opened = null;
  content.querySelectorAll("[data-sl-lesson]").forEach((part) => {
    part.hidden = part.dataset.slLesson !== name;
    if (!part.hidden) opened = part;
  });
  content.querySelectorAll("[data-sl-goto]").forEach((entry) => {
    if (entry.dataset.slGoto === name) entry.setAttribute("aria-current", "true");
    else entry.removeAttribute("aria-current");
  });
  keep(OPEN, name);
  return opened;
}

function restore(content) {
  const answers = kept(ANSWERS, {});
  content.querySelectorAll(".learn-lesson:has(.learn-question)").forEach((lesson) => {
    const guess = answers[lesson.dataset.slLesson];
    if (guess !== undefined && optionText(lesson, guess)) reveal(lesson, guess);
  });
  goTo(content, kept(OPEN, ""));
  showProgress(content);
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches(".learn-question")) return;
  event.preventDefault();
  const lesson = lessonOf(event.target);
  const guess = event.target.querySelector("input:checked")?.value;
  if (!guess) return;
  keep(ANSWERS, { ...kept(ANSWERS, {}), [lesson.dataset.slLesson]: guess });
  reveal(lesson, guess);
  showProgress(lesson.closest(".learn-content"));
});

document.addEventListener("change", ({ target }) => {
  const form = target.closest?.(".learn-question");
  if (!form) return;
  const lesson = lessonOf(form);
  if (lesson.querySelector(".learn-result").hidden) form.querySelector("button").disabled = false;
  else reveal(lesson, kept(ANSWERS, {})[lesson.dataset.slLesson] ?? target.value);
});

document.addEventListener("click", ({ target }) => {
  const content = target.closest?.(".learn-content");
  if (!content) return;
  const entry = target.closest("[data-sl-goto]");
  const term = target.closest("[data-sl-term]");
  if (entry) goTo(content, entry.dataset.slGoto)?.querySelector("h3").focus();
  if (term) {
    const place = document.getElementById(`term-${term.dataset.slTerm}`);
    place.scrollIntoView({ block: "center" });
    place.focus();
  }
  if (target.closest("[data-sl-print]")) window.print();
  if (target.closest("[data-sl-forget]")) {
    keep(ANSWERS, {});
    content.querySelectorAll(".learn-lesson:has(.learn-question)").forEach(hide);
    showProgress(content);
  }
});

// The lessons come with an output; its first bound widget says that they are there.
$(document).on("shiny:bound", ({ target }) => {
  const content = target.closest?.(".learn-content");
  if (!content || content.dataset.slRestored) return;
  content.dataset.slRestored = "yes";
  restore(content);
});

// An exercise runs its text as a person would: in the left panel, with what is set there.
function runText({ model, text }) {
  const [models, area] = ["panel-model", "panel-text"].map((id) => document.getElementById(id));
  models.value = model;
  area.value = text;
  $(models).trigger("change");
  $(area).trigger("change");
  document.querySelector("[data-sl-run-button]").click();
}

$(document).on("shiny:connected", () => Shiny.addCustomMessageHandler("sl-run-text", runText));
