// Makes the page live: its times pass, its rows change as things happen, and the filter answers while one types.
// Without it everything is there as well, as of the moment at which the page was asked for.
"use strict";

const $ = (id) => document.getElementById(id);
const html = document.documentElement;
const ahead = Date.parse(html.dataset.now) - Date.now();  // how far the daemon's clock is ahead of this one
const rows = $("rows");

// --- times, written as words.py writes them ---

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

function length(seconds) {
  const left = Math.max(0, Math.floor(seconds));
  const place = UNITS.findIndex(([size]) => left >= size);
  if (place < 0) return "0 s";
  const [size, unit] = UNITS[place];
  const parts = [`${Math.floor(left / size)} ${unit}`];
  const finer = UNITS[place + 1];
  const rest = finer ? Math.floor((left % size) / finer[0]) : 0;
  if (rest) parts.push(`${rest} ${finer[1]}`);
  return parts.join(" ");
}

function told(time, now) {
  const seconds = (Date.parse(time.dateTime) - now) / 1000;
  if ("in" in time.dataset) return seconds > 0 ? `in ${length(Math.ceil(seconds))}` : "now";
  if ("ago" in time.dataset) return `${length(-seconds)} ago`;
  return time.dataset.for === "coarse" ? length(-seconds).split(" ", 2).join(" ") : length(-seconds);
}

const seen = new Set();  // what is on the screen, or near it
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) seen.add(target); else seen.delete(target);
  }
  tick();
}, { rootMargin: "300px" });

function tick() {
  const now = Date.now() + ahead;
  for (const part of seen) {
    for (const time of part.querySelectorAll("time[data-ago], time[data-in], time[data-for]")) {
      const text = told(time, now);
      if (time.textContent !== text) time.textContent = text;
    }
  }
}

// --- time lines, fetched when they are opened ---

async function fill(server) {
  const more = server.querySelector(".more");
  const answer = await fetch(`/servers/${encodeURIComponent(server.dataset.key)}?part`).catch(() => null);
  if (answer && answer.ok) more.innerHTML = await answer.text();
}

document.addEventListener("toggle", (event) => {
  if (!event.target.open) return;
  if (!("full" in event.target.dataset)) {
    event.target.dataset.full = "";
    fill(event.target.closest(".server"));
  }
}, true);

// --- the filter ---

const search = $("q");

function fits(server, words) {
  const problem = Number(server.dataset.level) < 2 ? " problem" : "";
  const text = `${server.dataset.name} ${server.dataset.key.toLowerCase()}${problem}`;
  return words.every((word) => text.includes(word));
}

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const server of rows.children) {
    const hidden = !fits(server, words);
    if (server.hidden !== hidden) server.hidden = hidden;
    if (!hidden) shown += 1;
  }
  $("none").hidden = shown > 0;
  $("count").textContent = shown === rows.children.length ? `${shown}` : `${shown} of ${rows.children.length}`;
}

// --- what happens ---

const LEVELS = ["bad", "warn", "idle", "well"];

function before(one, other) {  // as Row.order has it
  const byLevel = rows.dataset.by === "level" ? one.dataset.level - other.dataset.level : 0;
  const [a, b] = [one.dataset.name, other.dataset.name];
  if (byLevel) return byLevel < 0;
  return a === b ? one.dataset.key < other.dataset.key : a < b;
}

function put(server) {  // where it belongs now; one that stands right is not moved, so that it keeps the focus
  const [left, right] = [server.previousElementSibling, server.nextElementSibling];
  if ((!left || before(left, server)) && (!right || before(server, right))) return;
  const next = [...rows.children].find((other) => other !== server && before(server, other));
  const focused = server.contains(document.activeElement) ? document.activeElement : null;
  rows.insertBefore(server, next || null);
  if (focused) focused.focus({ preventScroll: true });
}

function change({ key, name, level, html: content }) {
  const server = $(`s-${key}`);
  if (!server) return;  // a server that is new, or not on this page: the next load shows it
  const link = server.querySelector("h3 a") === document.activeElement;
  server.querySelector(".row").innerHTML = content;
  if (link) server.querySelector("h3 a").focus({ preventScroll: true });
  server.classList.remove(...LEVELS, "news");
  server.classList.add(LEVELS[level]);
  Object.assign(server.dataset, { name, level });
  put(server);
  void server.offsetWidth;  // so that the hint begins anew
  server.classList.add("news");
  const details = server.querySelector("details");
  if (!details || details.open) fill(server); else delete details.dataset.full;
}

function hear({ data }) {
  const news = JSON.parse(data);
  if (news.headline && $("headline")) $("headline").innerHTML = news.headline;
  if (news.recent && $("recent")) $("recent").innerHTML = news.recent;
  for (const key of news.gone || []) $(`s-${key}`)?.remove();
  for (const row of news.rows || []) change(row);
  if (search && (news.rows || news.gone)) filter();
  tick();
}

// --- the stream: there while the page is looked at ---

let stream = null;
let known = html.dataset.revision;

function say(state, text) {
  const live = $("live");
  if (live && live.textContent !== text) { live.className = `muted ${state}`; live.textContent = text; }
}

let lost = 0;

function listen() {
  if (stream || document.hidden) return;
  stream = new EventSource(`/events?since=${known}`);
  stream.onopen = () => { clearTimeout(lost); lost = 0; say("on", "live"); };
  stream.onmessage = (event) => { if (event.lastEventId) known = event.lastEventId; hear(event); };
  stream.onerror = () => {
    lost = lost || setTimeout(() => say("off", "not connected"), 4000);  // a stream ends now and then: that is no loss
    if (stream.readyState === EventSource.CLOSED) { stream = null; setTimeout(listen, 5000); }
  };
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) { stream?.close(); stream = null; } else { listen(); tick(); }
});

for (const part of document.querySelectorAll("#headline, .server, #recent")) watcher.observe(part);
setInterval(tick, 1000);
if (search) {
  search.addEventListener("input", filter);
  search.form.addEventListener("submit", (event) => {
    if (!("cut" in rows.dataset)) event.preventDefault();  // all servers are here: nothing has to be asked for
  });
}
listen();
