// The address and what is on screen: the server says which link stands for it, this writes it behind the "#",
// where it stays in the browser; opening such an address, or going back to one, asks the server for it.
// Earlier runs are listed here alone, in this browser's own storage.

const RUN_FIELDS = ["model", "text", "example", "kept", "decoder", "bos", "specials", "long", "window", "file"];
const CHOICE_FIELDS = /^(edit|texts|own_texts|cache|bits|pair|a|b)(\.|$)/; // what a page is asked to compute of a run
const HISTORY_KEY = "sinklens-runs";
const RETURNS_KEY = "sinklens-returns";
const N_RUNS = 20;
const N_KEPT_CHARACTERS = 200_000;
const N_RETURNS = 3;
const RETURNS_MS = 60_000;

let nOwn = null; // of the server's last message: a larger number is something that somebody asked for here
let nAsked = 0;
let isFollowing = false; // a page that is shown because of a link makes no step of its own
let timer = null;
let latest = null;

const fields = (fragment) => new URLSearchParams(fragment.replace(/^#/, ""));
const runOf = (fragment) => {
  const found = fields(fragment);
  return JSON.stringify(RUN_FIELDS.map((name) => found.get(name)));
};
// What going back undoes: a run, or what was asked of it on a page.
const stepOf = (fragment) => {
  const chosen = [...fields(fragment)].filter(([name]) => CHOICE_FIELDS.test(name));
  return JSON.stringify([runOf(fragment), chosen.sort()]);
};
const isLink = (fragment) => fragment.includes("=");

// --- earlier runs ---------------------------------------------------------------------------------

function earlierRuns() {
  try {
    const found = JSON.parse(localStorage.getItem(HISTORY_KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((run) => typeof run?.fragment === "string") : [];
  } catch {
    return [];
  }
}

function storeRuns(runs) {
  // A full or forbidden storage costs the oldest runs, and nothing else.
  for (let n = Math.min(runs.length, N_RUNS); n >= 0; n -= 1) {
    try {
      localStorage.setItem(HISTORY_KEY, JSON.stringify(runs.slice(0, n)));
      return;
    } catch {
      continue;
    }
  }
}

function remember({ fragment, title, texts, is_stored: isStored }) {
  const found = fields(fragment);
  if (isStored || found.has("file") || !found.has("model")) return;
  const kept = texts && texts.join("").length <= N_KEPT_CHARACTERS ? texts : null;
  const run = { fragment, title, texts: kept, model: found.get("model"), time: Date.now() };
  const runs = earlierRuns();
  const isNew = !runs.length || runOf(runs[0].fragment) !== runOf(fragment);
  if (!isNew) run.time = runs[0].time;
  storeRuns([run, ...runs.filter((other) => runOf(other.fragment) !== runOf(fragment))]);
  if (isNew) listRuns();
}

function listRuns() {
  const list = document.querySelector("[data-sl-runs]");
  if (!list) return;
  const runs = earlierRuns();
  const time = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
  list.replaceChildren(...runs.map((run) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sl-run-again";
    const words = document.createElement("span");
    words.textContent = run.title || "…";
    const facts = document.createElement("span");
    facts.className = "sl-muted";
    facts.textContent = `${run.model} · ${time.format(new Date(run.time))}`;
    button.append(words, facts);
    button.addEventListener("click", () => {
      history.pushState(null, "", `#${run.fragment}`);
      follow(run.fragment);
    });
    item.append(button);
    return item;
  }));
  document.querySelector("[data-sl-no-runs]").hidden = runs.length > 0;
  document.querySelector("[data-sl-clear-runs]").hidden = runs.length === 0;
}

// --- from a link to the screen --------------------------------------------------------------------

function question(fragment) {
  const wanted = fields(fragment);
  const runs = earlierRuns();
  const kept = wanted.get("kept");
  nAsked += 1;
  return JSON.stringify({
    fragment: isLink(fragment) ? fragment : "",
    texts: kept ? runs.find((run) => fields(run.fragment).get("kept") === kept)?.texts ?? null : null,
    knows_model: runs.some((run) => run.model === wanted.get("model")),
    n: nAsked, // an equal question is asked again
  });
}

function showPage(fragment) {
  const page = fields(fragment).get("page");
  const tabs = [...document.querySelectorAll('.navbar [data-bs-toggle="tab"]')];
  const tab = tabs.find(({ dataset }) => dataset.value === page) ?? (isLink(fragment) && !page ? tabs[0] : null);
  if (!tab || tab.classList.contains("active")) return;
  isFollowing = true;
  bootstrap.Tab.getOrCreateInstance(tab).show();
  isFollowing = false;
}

function follow(fragment) {
  clearTimeout(timer);
  showPage(fragment);
  Shiny.setInputValue("link", question(fragment));
}

// --- from the screen to the link ------------------------------------------------------------------

function write(message) {
  const isOwn = nOwn !== null && message.n_own > nOwn;
  nOwn = message.n_own;
  const isStep = isOwn && isLink(location.hash) && stepOf(message.fragment) !== stepOf(location.hash);
  history[isStep ? "pushState" : "replaceState"](null, "", `#${message.fragment}`);
  remember(message);
}

function take(message) {
  latest = message;
  document.querySelectorAll("[data-sl-too-long]").forEach((note) => {
    note.hidden = !message.left_out.includes(note.dataset.slTooLong);
  });
  // Browsers refuse an address that changes all the time.
  clearTimeout(timer);
  timer = setTimeout(() => write(message), 150);
}

function stepToPage(event) {
  if (isFollowing || !event.target.matches('.navbar [data-bs-toggle="tab"]') || !isLink(location.hash)) return;
  const found = fields(location.hash);
  if (found.get("page") === event.target.dataset.value) return;
  found.set("page", event.target.dataset.value);
  history.pushState(null, "", `#${found}`);
}

async function copyLink(button) {
  if (latest) write(latest);
  const told = document.querySelector("[data-sl-copied]");
  // Without the query, which may name a room or hold what lets this browser alone in.
  const link = location.origin + location.pathname + location.hash;
  try {
    await navigator.clipboard.writeText(link);
    told.textContent = button.dataset.slDone;
  } catch {
    // Without https a page may not write to the clipboard.
    window.prompt(button.dataset.slByHand, link);
  }
}

// --- a server that went away ----------------------------------------------------------------------

// A link brings everything back; a page that is closed by its own fault again and again is left alone.
function mayReturn() {
  try {
    const now = Date.now();
    const returns = JSON.parse(sessionStorage.getItem(RETURNS_KEY) ?? "[]").filter((time) => now - time < RETURNS_MS);
    if (returns.length >= N_RETURNS) return false;
    sessionStorage.setItem(RETURNS_KEY, JSON.stringify([...returns, now]));
    return true;
  } catch {
    return false;
  }
}

function waitForServer() {
  document.querySelector("[data-sl-away]").hidden = false;
  let wait = 1_000;
  const ask = async () => {
    try {
      const answer = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
      if (answer.ok) {
        if (mayReturn()) location.reload();
        return;
      }
    } catch {
      // Still away.
    }
    wait = Math.min(wait * 1.5, 15_000);
    setTimeout(ask, wait);
  };
  setTimeout(ask, wait);
}

let isLeaving = false;
window.addEventListener("pagehide", () => { isLeaving = true; });
$(document).on("shiny:disconnected", () => setTimeout(() => { if (!isLeaving) waitForServer(); }, 500));

// --- beginning ------------------------------------------------------------------------------------

// In the first message to the server, so that a link's page and run come without those of the bare address.
const asked = document.getElementById("link");
if (asked) {
  showPage(location.hash);
  asked.value = question(location.hash);
  listRuns();
  window.addEventListener("popstate", () => { if (isLink(location.hash)) follow(location.hash); });
  // Links within the page, such as to the results, take the place of the fragment: the next message mends it.
  window.addEventListener("hashchange", () => { if (!isLink(location.hash) && latest) write(latest); });
  document.addEventListener("shown.bs.tab", stepToPage);
  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-sl-copy-link]");
    if (copy) copyLink(copy);
    if (event.target.closest("[data-sl-clear-runs]")) {
      storeRuns([]);
      listRuns();
    }
  });
  window.addEventListener("storage", (event) => { if (event.key === HISTORY_KEY) listRuns(); });
  $(document).on("shiny:connected", () => Shiny.addCustomMessageHandler("sl-link", take));
}
