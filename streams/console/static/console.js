// Follows changes and works the list by keys. Without it every page reads and every form works.
"use strict";
const body = document.body, $ = (selector, from = document) => from.querySelector(selector);

// --- what has changed on the server takes the place of what is shown
let loading = false, again = false;
async function refresh() {
  if (loading) { again = true; return; }
  loading = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) { if (answer.status === 403) location.reload(); return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const chosen = $(".case.chosen")?.dataset.case, at = place(), focused = document.activeElement?.id;
    for (const old of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(old.id);
      if (next && next.innerHTML !== old.innerHTML) old.replaceChildren(...next.childNodes);
    }
    if (chosen) choose(document.querySelector(`.case[data-case="${CSS.escape(chosen)}"]`) ?? lines()[Math.min(at, lines().length - 1)]);
    if (focused) document.getElementById(focused)?.focus();
  } finally {
    loading = false;
    if (again) { again = false; setTimeout(refresh, 200); }
  }
}

function concerns(cases) {
  if (cases === null) return true;
  const one = $("main > [data-case]");
  return one ? cases.includes(one.dataset.case) : cases.length > 0 || body.dataset.page === "live";
}

const TOLD = ["results", "model_page"]; // pages that are told of news alone, not of cases
function connect() {
  const light = document.getElementById("connection");
  const source = new EventSource("/stream?" + new URLSearchParams({ after: body.dataset.number, page: body.dataset.page }));
  source.onopen = () => { light.textContent = body.dataset.liveWord; light.className = "on"; };
  source.onerror = () => {
    light.textContent = body.dataset.cut; light.className = "off";
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { refresh(); connect(); }, 2000);
  };
  source.addEventListener("change", (event) => {
    body.dataset.number = event.lastEventId;
    if (!TOLD.includes(body.dataset.page) && concerns(JSON.parse(event.data).cases)) refresh();
  });
  source.addEventListener("news", refresh);
}

// --- reports: shown at once, confirmed when the worker's answer comes back
async function report(button) {
  const form = document.getElementById("act"), told = document.getElementById("told"), line = button.closest(".case");
  const data = new URLSearchParams(new FormData(form));
  data.set("status", button.value);
  const state = $(".due, .state", line ?? document);
  if (line) { state.textContent = button.textContent; state.className = "state waits"; button.parentElement.hidden = true; }
  try {
    const answer = await fetch(button.formAction, { method: "POST", body: data, headers: { Accept: "application/json" } });
    if (answer.status === 403) { location.reload(); return; }
    const { told: what, said } = await answer.json();
    told.textContent = said; told.className = what === "sent" ? "told" : "told bad";
  } catch { told.textContent = body.dataset.cut; told.className = "told bad"; }
  refresh();
}
document.addEventListener("submit", (event) => {
  if (event.target.id !== "act" || !event.submitter?.hasAttribute("formaction")) return;
  event.preventDefault();
  report(event.submitter);
});

// --- keys
const lines = () => [...document.querySelectorAll(".case")];
const place = () => lines().findIndex((line) => line.classList.contains("chosen"));
function choose(line) {
  for (const one of lines()) one.classList.toggle("chosen", one === line);
  if (line) { $("a", line).focus({ preventScroll: true }); line.scrollIntoView({ block: "nearest" }); }
}
function step(by) {
  const all = lines();
  if (all.length) choose(all[Math.min(Math.max(place() + by, 0), all.length - 1)]);
}
function press(status) {
  const where = $(".case.chosen") ?? document.getElementById("case");
  const button = where && $(`button[value="${status}"]`, where);
  if (button && !button.parentElement.hidden) report(button);
}
const KEYS = {
  j: () => step(1), k: () => step(-1), Enter: () => $(".case.chosen a")?.click(), u: () => $("#back")?.click(),
  a: () => press("acknowledged"), c: () => press("contacted"), d: () => press("declined"), r: () => press("responded"),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, button")) return;
  if (event.key === "Enter" && event.target.closest("a")) return;
  if (Object.hasOwn(KEYS, event.key)) { event.preventDefault(); KEYS[event.key](); }
});

const language = document.getElementById("language");
if (language) {
  const to = new URL(language.href);
  to.searchParams.set("back", location.pathname + location.search);
  language.href = to;
}
if (window.EventSource && body.dataset.number) connect();
