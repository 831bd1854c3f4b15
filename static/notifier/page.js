import { View } from "./badge.js";
import { Client } from "./client.js";
import { BADGES, configFrom, socketOptions } from "./config.js";

/** What a client needs to know of the page it lives in. */
export function pageOf(document, window) {
  return {
    hidden: () => document.hidden,
    listen({ wake, change, leave }) {
      const abort = new AbortController();
      const on = (target, type, listener) =>
        target.addEventListener(type, listener, { signal: abort.signal });
      on(document, "visibilitychange", () => (document.hidden ? change() : wake()));
      on(window, "online", () => wake());
      on(window, "pageshow", ({ persisted }) => persisted && wake());
      // An open socket keeps a page out of the back/forward cache, or throws it out later.
      on(window, "pagehide", () => leave());
      return () => abort.abort();
    },
  };
}

/** Modules of the page say `notifier:mark-read`, and hear of it if that failed. */
function listenForMarkRead(document, client) {
  document.addEventListener("notifier:mark-read", async ({ detail }) => {
    const { upTo } = detail;
    try {
      await client.markRead(upTo);
    } catch (error) {
      const failed = { detail: { upTo, error: error.message } };
      document.dispatchEvent(new CustomEvent("notifier:mark-read-failed", failed));
    }
  });
}

/**
 * Bring the badges of a page to life.
 *
 * @param {{document: Document, window: Window, io: function, fetch: function, clock: object,
 *   random: () => number, warn: (text: string) => void}} browser
 * @returns {Client | null} null if the page has no badge
 */
export function run({ document, window, io, ...rest }) {
  const badges = document.querySelectorAll(BADGES);
  if (badges.length === 0) return null;
  const config = configFrom(badges);
  const client = new Client({
    config,
    socket: io(config.namespace, socketOptions(config)),
    page: pageOf(document, window),
    view: new View(document),
    ...rest,
  });
  listenForMarkRead(document, client);
  client.start();
  return client;
}
