/**
 * The client rule: what a client does with pushes, heads and answers so that it never skips
 * an event, never replaces a newer value by an older one and never loops, whatever is lost,
 * late, doubled, reordered or restored from a backup.
 *
 * Pure: no timer, no request, no clock. Each method takes one thing that happened and returns
 * the effects its owner must carry out:
 *
 *   {type: "show", name, data, timestamp}  a value to display
 *   {type: "clear", name}                  the database no longer has a value of this name
 *   {type: "grace"}                        call graceEnded() in GRACE_MS
 *   {type: "catchUp"}                      call begin() as soon as a request may be sent
 *
 * Timestamps are float64 seconds that carry whole microseconds exactly, so they are compared
 * as they came and never computed with.
 */

/** The name under which the server counts unread messages. */
export const UNREAD = "unread_message_count";

const keyOf = ({ previous, timestamp }) => `${previous}:${timestamp}`;
const isHead = (hole) => hole.previous === hole.timestamp;
const isSame = (a, b) =>
  a?.timestamp === b.timestamp && JSON.stringify(a.data) === JSON.stringify(b.data);

export class Rule {
  /**
   * @param {number} cursor the page's `data-since`: everything at or below it is applied
   * @param {{name: string, data: *, timestamp: number}[]} shown what the page already shows
   */
  constructor({ cursor = 0, shown = [] } = {}) {
    this.cursor = cursor;
    this.shown = new Map(shown.map((event) => [event.name, event]));
    this.holes = new Map();
    this.inGrace = false;
    this.wanted = null; // {full} of a catch-up that waits to be sent
    this.flight = null; // the one request whose answer counts
    this.lastId = 0;
  }

  /**
   * A push is shown at once, but the cursor follows only along an unbroken chain of
   * `previous`: a push proves itself, not the ones before it, which may be lost.
   */
  push(event) {
    if (event.timestamp <= this.cursor) return [];
    const effects = this.show(event);
    this.dig(event);
    this.advance();
    return [...effects, ...this.waitForHoles()];
  }

  /**
   * A head is a hint that may be late. Above the cursor it is a hole nothing but the cursor
   * itself can fill; below, the database may have been restored, and only an answer can tell:
   * to reset here would show old values again after a head that was merely late.
   */
  head(timestamp) {
    if (timestamp === this.cursor) return [];
    if (timestamp < this.cursor) return this.catchUp({ full: true });
    this.dig({ previous: timestamp, timestamp });
    return this.waitForHoles();
  }

  /** Two workers may publish out of order, so holes get a moment to close by themselves. */
  graceEnded() {
    this.inGrace = false;
    // With a request under way its answer decides: holes it leaves start a new grace.
    if (this.holes.size === 0 || this.flight) return [];
    return this.catchUp({ full: [...this.holes.values()].some(isHead) });
  }

  /**
   * Ask for a catch-up: quick (since the cursor) or full (since 0). Single-flight. A full one
   * asked for meanwhile comes afterwards, because the server may have answered already; a
   * quick one need not, because the holes that still gape then ask again.
   */
  catchUp({ full }) {
    if (this.flight && !full) return [];
    this.wanted = { full: full || Boolean(this.wanted?.full) };
    return this.flight ? [] : [{ type: "catchUp" }];
  }

  /**
   * The request leaves now: remember what its answer is going to settle.
   *
   * @returns {{id: number, since: number, full: boolean} | null} what to ask, if anything
   */
  begin() {
    if (this.flight || !this.wanted) return null;
    const { full } = this.wanted;
    this.wanted = null;
    this.flight = {
      id: ++this.lastId,
      since: full ? 0 : this.cursor,
      full,
      cursor: this.cursor,
      holes: [...this.holes.keys()],
      pushed: new Set(),
    };
    return { id: this.flight.id, since: this.flight.since, full };
  }

  /** The answer to begin(). One to an abandoned request is older than what followed it. */
  answer(id, events) {
    if (this.flight?.id !== id) return [];
    const flight = this.flight;
    this.flight = null;
    // Remembered holes are settled: by rows, or by the database having lost them.
    for (const key of flight.holes) this.holes.delete(key);
    const effects = this.isState(flight, events)
      ? this.adopt(flight, events)
      : this.append(flight, events);
    this.advance();
    return [...effects, ...(this.wanted ? [{ type: "catchUp" }] : this.waitForHoles())];
  }

  /** The request failed or was given up. It is still owed, and nothing was settled. */
  failed(id) {
    if (this.flight?.id !== id) return [];
    const { full } = this.flight;
    this.flight = null;
    return this.catchUp({ full });
  }

  /**
   * The answer to mark-read: the same value that is being pushed, by another way. The cursor
   * stays, because nothing is known about the events before it.
   */
  read({ unread, timestamp }) {
    return this.show({ name: UNREAD, data: unread, timestamp });
  }

  // What follows is the rule's own; methods, so that tests can put naive ones in their place.

  /** Only what is newer than the value shown for its name. */
  show({ name, data, timestamp }) {
    if (timestamp <= (this.shown.get(name)?.timestamp ?? 0)) return [];
    this.note(name);
    return this.take({ name, data, timestamp });
  }

  /** From here on the answer under way may be older than what is shown for this name. */
  note(name) {
    this.flight?.pushed.add(name);
  }

  take({ name, data, timestamp }) {
    const event = { name, data, timestamp };
    const before = this.shown.get(name);
    this.shown.set(name, event);
    return isSame(before, event) ? [] : [{ type: "show", ...event }];
  }

  clear(name) {
    this.shown.delete(name);
    return [{ type: "clear", name }];
  }

  dig({ previous, timestamp }) {
    this.holes.set(keyOf({ previous, timestamp }), { previous, timestamp });
  }

  /** Follow the chain. In order of `previous` one pass reaches all that can be reached. */
  advance() {
    const holes = [...this.holes].sort(([, a], [, b]) => a.previous - b.previous);
    for (const [, { previous, timestamp }] of holes) {
      if (previous <= this.cursor) this.cursor = Math.max(this.cursor, timestamp);
    }
    for (const [key, { timestamp }] of holes) {
      if (timestamp <= this.cursor) this.holes.delete(key);
    }
  }

  waitForHoles() {
    if (this.holes.size === 0 || this.inGrace) return [];
    this.inGrace = true;
    return [{ type: "grace" }];
  }

  /**
   * The server reads a `since` above its head as 0, so an entry at or below the since asked
   * means that the database is older than we are, and that the answer is everything there is.
   */
  isState({ full, since }, events) {
    return full || events.some(({ timestamp }) => timestamp <= since);
  }

  append(flight, events) {
    const effects = events.flatMap((event) => this.show(event));
    this.cursor = Math.max(this.cursor, events.at(-1)?.timestamp ?? flight.cursor);
    return effects;
  }

  /**
   * The answer is the state: its values replace ours even if older, and what it lacks is
   * gone. Names shown by a push since sending are newer than the answer may be: only forward.
   */
  adopt({ cursor, pushed }, events) {
    const present = new Set(events.map(({ name }) => name));
    const gone = [...this.shown.keys()].filter((name) => !present.has(name) && !pushed.has(name));
    const head = events.at(-1)?.timestamp ?? 0;
    this.cursor = head < cursor ? head : Math.max(this.cursor, head);
    return [
      ...gone.flatMap((name) => this.clear(name)),
      ...events.flatMap((event) => (pushed.has(event.name) ? this.show(event) : this.take(event))),
    ];
  }
}
