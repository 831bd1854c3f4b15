/**
 * The open inbox follows the badge: when the count moves, the page fetches itself and takes over
 * what changed. Buttons are sent in the background, so marking one read does not jump. Without
 * this module everything works by loading pages.
 */
import { merge } from "./list.js";

const SETTLE = 150; // ms: several messages at once are fetched together
const inbox = document.querySelector("[data-inbox]");
let timer;
let request;

const part = (root, name) => root.querySelector(`[data-part="${name}"]`);

/** Show the page `html`, an answer to our own address or to one of its buttons. */
function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-inbox]");
  if (!fresh) {
    // Signed out, most likely: the server knows where to go.
    location.reload();
    return;
  }
  const focused = inbox.contains(document.activeElement) ? document.activeElement.id : "";
  const anchor = firstInView();
  const top = anchor?.getBoundingClientRect().top;
  merge(part(inbox, "messages"), part(fresh, "messages"));
  for (const name of ["marking", "foot"]) part(inbox, name).replaceWith(part(fresh, name));
  // A live region speaks when it is written to.
  const [said, say] = [part(inbox, "summary"), part(fresh, "summary")];
  if (said.textContent !== say.textContent) said.textContent = say.textContent;
  if (anchor?.isConnected) scrollBy(0, anchor.getBoundingClientRect().top - top);
  if (focused) keepFocus(focused);
}

/** The first message in view of somebody who has scrolled; it must not move under her eyes. */
function firstInView() {
  if (scrollY < 80) return null;
  const rows = [...part(inbox, "messages").children];
  return rows.find((row) => row.getBoundingClientRect().bottom > 80);
}

/** A pressed button is gone with its answer: go on from its row, or from the top. */
function keepFocus(id) {
  const row = document.getElementById(id.replace(/^(read|reply)-/, "message-"));
  const element = document.getElementById(id) ?? row?.querySelector("a, button");
  (element ?? document.getElementById("heading")).focus({ preventScroll: true });
}

/** Ask for a page and show it, unless something newer was asked meanwhile. */
async function load(url, options = {}) {
  clearTimeout(timer);
  request?.abort();
  const mine = (request = new AbortController());
  const response = await fetch(url, { ...options, cache: "no-store", signal: mine.signal });
  const html = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  if (mine === request) show(html);
}

function follow() {
  load(location.href).catch((error) => {
    // What is shown stays; the next change tries again.
    if (error.name !== "AbortError") console.warn(`inbox: ${error.message}`);
  });
}

function press(event) {
  const { target: form, submitter } = event;
  if (form.id !== "marking") return;
  event.preventDefault();
  const url = submitter?.getAttribute("formaction") ?? form.getAttribute("action");
  load(url, { method: "POST", body: new FormData(form) }).catch((error) => {
    if (error.name !== "AbortError") location.reload();
  });
}

document.addEventListener("notifier", ({ detail: { name } }) => {
  if (name !== "unread_message_count") return;
  clearTimeout(timer);
  timer = setTimeout(follow, SETTLE);
});
inbox.addEventListener("submit", press);
