/**
 * The server as a client can know it: an inbox clock, one row a name, two workers that queue
 * and coalesce what they publish, and an operator who restores backups.
 *
 * Every event carries a `data` nobody else has, so what is displayed names the event it came
 * from. `history` is the truth: the events that are committed and were not undone since.
 */
export class ModelServer {
  constructor({ coalesce = handDown, stampsRepeat = false } = {}) {
    this.coalesceInto = coalesce;
    this.stampsRepeat = stampsRepeat;
    this.floor = 0;
    this.now = 10;
    this.history = [];
    this.events = new Map();
    this.queues = [[], []];
    this.restores = 0;
  }

  get head() {
    return this.history.at(-1)?.timestamp ?? 0;
  }

  get rows() {
    return new Map(this.history.map((event) => [event.name, event]));
  }

  /** Commit one event; every event has its own stamp, whatever the wall clock says. */
  commit(name) {
    const timestamp = Math.max(this.now, this.head + 1, this.floor);
    const data = this.events.size + 1;
    const event = { name, data, timestamp, previous: this.head, undone: false };
    this.events.set(data, event);
    this.history.push(event);
    return event;
  }

  enqueue(worker, { name, data, timestamp, previous }) {
    this.queues[worker].push({ name, data, timestamp, previous });
  }

  /** Drop a queued event for a newer one of its name; false if there are no such two. */
  coalesce(worker) {
    const queue = this.queues[worker];
    const isNewer = (older) => (other) =>
      other.name === older.name && other.timestamp > older.timestamp;
    const dropped = queue.find((event) => queue.some(isNewer(event)));
    if (!dropped) return false;
    queue.splice(queue.indexOf(dropped), 1);
    this.coalesceInto(queue, dropped, queue.find(isNewer(dropped)));
    return true;
  }

  /** What `GET /notifications?since=` answers now. */
  poll(since) {
    const from = since > this.head ? 0 : since;
    return [...this.rows.values()]
      .filter(({ timestamp }) => timestamp > from)
      .sort((a, b) => a.timestamp - b.timestamp)
      .map(({ name, data, timestamp }) => ({ name, data, timestamp }));
  }

  /**
   * The database is as it was `count` events ago. If its wall clock was not set back as well,
   * time has passed, and no stamp is given a second time.
   */
  restore(count) {
    if (!this.stampsRepeat) this.floor = Math.max(this.floor, this.head + 1);
    for (const event of this.history.splice(this.history.length - count)) event.undone = true;
    this.restores += 1;
  }
}

/** The coalescing of the design: the next in the chain takes over the dropped `previous`. */
export function handDown(queue, dropped) {
  const next = queue.find(({ previous }) => previous === dropped.timestamp);
  if (next) next.previous = dropped.previous;
}

/** The naive one: the survivor of the name claims to follow what the dropped one followed. */
export function survivorTakesOldest(queue, dropped, survivor) {
  survivor.previous = Math.min(survivor.previous, dropped.previous);
}
