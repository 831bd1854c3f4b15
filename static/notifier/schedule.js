import {
  FULL_EVERY,
  LOST_MS,
  POLL_MS,
  SAFETY_MS,
  STABLE_MS,
  pollPeriod,
  spread,
  untilDue,
} from "./timing.js";

/**
 * The polls nobody has to ask for: quick ones while there is no socket, every sixth of them
 * full, and the full safety poll while there is one.
 *
 * Due times count from the last request of the kind, so a flapping connection or a busy tab
 * neither starves a poll nor adds one.
 */
export class Schedule {
  /** @param {{clock: object, random: () => number, poll: (full: boolean) => void}} parts */
  constructor({ clock, random, poll }) {
    Object.assign(this, { clock, random, poll });
    this.mode = { connected: false, hidden: false };
    this.interval = POLL_MS;
    this.timer = null;
    this.lastAny = this.lastFull = clock.now();
    this.quickPolls = 0;
    this.owed = null; // since a socket was lost: when to poll
  }

  /** What kind of client this is from now on. */
  change(mode) {
    if (this.mode.connected && !mode.connected) this.soon();
    this.mode = mode;
    this.arm();
  }

  /**
   * A socket is lost, perhaps everyone's: poll in a moment, if it is not back by then.
   *
   * A poll that is owed since an earlier loss is not put off by this one.
   */
  soon() {
    const now = this.clock.now();
    if (this.owed !== null && now - this.owed < STABLE_MS) return;
    this.owed = now + Math.min(LOST_MS * (1 + this.random()), this.interval);
  }

  /** The server's `Poll-Interval`, if it sent one. */
  pace(interval) {
    this.interval = interval ?? this.interval;
    this.arm();
  }

  /** A request left, for whatever reason. */
  asked({ full }) {
    this.lastAny = this.clock.now();
    this.owed = null;
    if (full) {
      this.lastFull = this.lastAny;
      this.quickPolls = 0;
    }
    this.arm();
  }

  stop() {
    this.clock.clearTimeout(this.timer);
    this.timer = null;
  }

  arm() {
    this.stop();
    this.timer = this.clock.setTimeout(() => this.fire(), this.delay());
  }

  delay() {
    const { connected, hidden } = this.mode;
    if (this.owed !== null && !connected && !hidden) {
      return Math.max(0, this.owed - this.clock.now());
    }
    const [last, period] = connected
      ? [this.lastFull, SAFETY_MS]
      : [this.lastAny, pollPeriod({ interval: this.interval, hidden })];
    const now = this.clock.now();
    return untilDue({ now, last, period: spread(period, this.random) });
  }

  fire() {
    this.quickPolls += 1;
    const full = this.mode.connected || this.quickPolls >= FULL_EVERY;
    // Counted even if the request must wait for another: it is not asked for twice.
    this.asked({ full });
    this.poll(full);
  }
}
