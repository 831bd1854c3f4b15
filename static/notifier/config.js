import { UNREAD } from "./rule.js";

/** The attribute that makes an element a badge. */
export const BADGES = "[data-notifier-badge]";

/** The name whose value a badge shows. */
export const nameOf = ({ dataset }) => dataset.name || UNREAD;

const stampOf = ({ dataset }) => {
  const stamp = Number(dataset.since);
  return stamp >= 0 ? stamp : 0; // nonsense asks for everything: repeats are harmless
};

const valueOf = ({ textContent }) => {
  const text = textContent.trim();
  return Number.isNaN(Number(text)) ? text : Number(text);
};

/**
 * What the server wrote on the badges of a page.
 *
 * Fragments of a page may have been rendered at different times. The cursor is the earliest,
 * since everything up to it is applied everywhere; a name shown twice counts as the older.
 *
 * @param {Iterable<HTMLElement>} elements at least one; the first says where the server is
 */
export function configFrom(elements) {
  const badges = [...elements];
  const [{ dataset }] = badges;
  const newestFirst = [...badges].sort((a, b) => stampOf(b) - stampOf(a));
  return {
    since: stampOf(newestFirst.at(-1)),
    shown: newestFirst.map((element) => ({
      name: nameOf(element),
      data: valueOf(element),
      timestamp: stampOf(element),
    })),
    pollUrl: dataset.pollUrl || "/notifications",
    readUrl: dataset.readUrl || "/api/v1/messages/read",
    socketPath: dataset.socketPath || "/socket.io",
    namespace: dataset.namespace || "/",
    transports: (dataset.transports || "websocket").split(/[\s,]+/).filter(Boolean),
  };
}

/** For socket.io-client. Connection reconnects, and shares its socket with nobody. */
export function socketOptions({ socketPath, transports }) {
  return {
    path: socketPath,
    transports,
    reconnection: false,
    autoConnect: false,
    multiplex: false,
  };
}
