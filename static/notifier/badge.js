import { BADGES, nameOf } from "./config.js";

const STATUSES = { live: "Live", polling: "Polling", offline: "Offline" };

/** A live region speaks whenever it is written to, so nothing is written that stands there. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show a value on a badge: its text, hidden when there is nothing to count. */
export function showOn(element, data) {
  const text = String(data);
  const { labelOne, labelOther } = element.dataset;
  const label = data === 1 ? labelOne : labelOther;
  write(element, text);
  if (label) element.setAttribute("aria-label", label.replace("{count}", text));
  element.hidden = !data;
}

/**
 * The page: every badge and status element on it, and the event `notifier` for its own modules.
 *
 * Elements are looked up each time, because pages replace parts of themselves.
 */
export class View {
  constructor(document) {
    this.document = document;
  }

  show({ name, data, timestamp }) {
    for (const element of this.badges(name)) showOn(element, data ?? 0);
    this.tell({ name, data, timestamp });
  }

  /** The database has no such value (any more): null, as of no time. */
  clear(name) {
    this.show({ name, data: null, timestamp: 0 });
  }

  status(state) {
    for (const element of this.document.querySelectorAll("[data-notifier-status]")) {
      element.dataset.state = state;
      write(element, STATUSES[state]);
    }
  }

  badges(name) {
    const badges = [...this.document.querySelectorAll(BADGES)];
    return badges.filter((element) => nameOf(element) === name);
  }

  tell(detail) {
    this.document.dispatchEvent(new CustomEvent("notifier", { detail }));
  }
}
