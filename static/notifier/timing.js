/**
 * When things happen: arithmetic and its constants, all in milliseconds, no clock.
 *
 * `random` is always a function like Math.random: clients that lost the same server at the
 * same moment must not come back at the same moment.
 */

/** Two workers may publish a user's events out of order by this much. */
export const GRACE_MS = 100;

/** The poll while disconnected, unless the server's `Poll-Interval` says otherwise. */
export const POLL_MS = 10_000;
/** What a server may ask for with `Poll-Interval`; beyond that it is a mistake. */
export const POLL_RANGE_MS = [1_000, 3_600_000];
/** Every sixth of these polls asks for everything: only that notices some restored databases. */
export const FULL_EVERY = 6;
/** The full poll while connected, in case that what nobody noticed was lost. */
export const SAFETY_MS = 60_000;
/** The first poll after the loss of a socket, at the earliest: most sockets are back before. */
export const LOST_MS = 2_000;
/** A hidden tab polls no more often than this; browsers throttle its timers to it anyway. */
export const HIDDEN_MS = 60_000;
/** Polls are spread over this share of their period, later only: a period is a promise. */
export const SPREAD = 0.2;

/** Single-flight needs an end to every request. */
export const FETCH_TIMEOUT_MS = 15_000;
/** Waking up makes several events at once (visible, online, pageshow): one catch-up for all. */
export const WAKE_MS = 250;

/** Delays between attempts: the first, doubled up to the most. */
export const FETCH_BACKOFF = { first: 1_000, most: 60_000 };
/** A server that lets us in, or tells us something, is back: then the wait is this at most. */
export const REVIVED_MS = 2_000;
export const RECONNECT_BACKOFF = { first: 500, most: 3_000 };
/** The server said `too_many` or `unavailable`: it needs room more than we need a socket. */
export const BUSY_BACKOFF = { first: 2_000, most: 60_000 };
/** The server said who we are will not do. Asking again changes that only after a sign-in. */
export const REFUSED_BACKOFF = { first: 60_000, most: 600_000 };
/** Every delay is multiplied by 1 ± this. */
export const JITTER = 0.5;
/** A connection that lived shorter than this was no success, so the delays go on growing. */
export const STABLE_MS = 10_000;
/** A socket that is open but not let in after this long is stuck. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** No status is claimed before something is known, or this long: most sockets open at once. */
export const PATIENCE_MS = 2_000;

/** The delay before attempt number `attempt` (0 is the first retry). */
export function backoff({ first, most }, attempt, random) {
  const delay = Math.min(first * 2 ** attempt, most);
  return delay * (1 - JITTER + 2 * JITTER * random());
}

/** How much of a wait is left once the server shows that it is back. */
export function untilRevived({ left, random }) {
  return Math.min(left, REVIVED_MS * (1 - JITTER + 2 * JITTER * random()));
}

/** A period, at least as long as asked for. */
export function spread(period, random) {
  return period * (1 + SPREAD * random());
}

/** The period of quick polls while there is no socket. */
export function pollPeriod({ interval, hidden }) {
  return hidden ? Math.max(interval, HIDDEN_MS) : interval;
}

/** How long until something is due that last happened at `last` and recurs every `period`. */
export function untilDue({ now, last, period }) {
  return Math.max(0, last + period - now);
}

/** The header `Poll-Interval` (seconds) in milliseconds, or null if it makes no sense. */
export function intervalFrom(header) {
  const interval = Number(header || NaN) * 1000;
  const [least, most] = POLL_RANGE_MS;
  return interval >= least && interval <= most ? interval : null;
}
