/**
 * The open inbox follows the badge: when the count moves, the page fetches itself and takes over
 * what changed. Buttons are sent in the background, so marking one read does not jump. Without
 * this module everything works by loading pages.
 */
import { merge } from "./list.js";

const SETTLE = 150; // ms: several messages at once are fetched together
const inbox = document.querySelector("[data-inbox]");
let timer;
let asked = 0; // pages so far: only the answer to the newest is shown
let pressed = 0; // buttons that have not been answered yet

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
async function load(url, options) {
  const mine = ++asked;
  const response = await fetch(url, { ...options, cache: "no-store" });
  const html = await response.text();
  if (mine !== asked) return;
  if (response.ok) show(html);
  else if (options?.method) location.reload(); // the form has expired, most likely
  else console.warn(`inbox: ${url} answered ${response.status}`);
}

function followSoon() {
  clearTimeout(timer);
  timer = setTimeout(follow, SETTLE);
}

async function follow() {
  // An answer from before a press must not be shown after it.
  if (pressed > 0) return followSoon();
  // What is shown stays; the next change tries again.
  await load(location.href).catch((error) => console.warn(`inbox: ${error.message}`));
}

async function press(event) {
  const { target: form, submitter } = event;
  if (form.id !== "marking") return;
  event.preventDefault();
  const url = submitter?.getAttribute("formaction") ?? form.getAttribute("action");
  pressed += 1;
  try {
    await load(url, { method: "POST", body: new FormData(form) });
  } catch {
    part(inbox, "summary").textContent = "That did not reach the server. Try again.";
  }
  pressed -= 1;
}

document.addEventListener("notifier", ({ detail: { name } }) => {
  if (name === "unread_message_count") followSoon();
});
inbox.addEventListener("submit", press);
