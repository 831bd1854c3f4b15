import {
  FULL_EVERY,
  LOST_MS,
  POLL_MS,
  SAFETY_MS,
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
  }

  /** What kind of client this is from now on. */
  change(mode) {
    const lost = this.mode.connected && !mode.connected;
    this.mode = mode;
    if (lost && !mode.hidden) this.soon();
    this.arm();
  }

  /** A dying server takes everyone's socket: who was idle must not poll in the same moment. */
  soon() {
    const wait = Math.min(LOST_MS * (1 + this.random()), this.interval);
    this.lastAny = this.clock.now() - this.interval + wait;
  }

  /** The server's `Poll-Interval`, if it sent one. */
  pace(interval) {
    this.interval = interval ?? this.interval;
    this.arm();
  }

  /** A request left, for whatever reason. */
  asked({ full }) {
    this.lastAny = this.clock.now();
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
