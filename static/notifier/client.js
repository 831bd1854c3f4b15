import { Connection } from "./connection.js";
import { Missed } from "./missed.js";
import { Requests, SignedOut } from "./requests.js";
import { Rule } from "./rule.js";
import { Schedule } from "./schedule.js";
import {
  FETCH_BACKOFF,
  GRACE_MS,
  PATIENCE_MS,
  WAKE_MS,
  backoff,
  untilRevived,
} from "./timing.js";
import { isHead, isPush } from "./wire.js";

/**
 * The rule with its effects: what the rule wants is fetched, what it shows goes to the view.
 *
 * Everything from outside is injected:
 *   config  {since, shown, pollUrl, readUrl}, see config.js
 *   socket  a Socket.IO socket that is not connected and does not reconnect by itself
 *   fetch   as in browsers
 *   clock   {now, setTimeout, clearTimeout}; `now` in milliseconds, never set back
 *   random  as Math.random
 *   page    {hidden(): boolean, listen({wake, change, leave}): () => void}
 *   view    {show(event), clear(name), status("live" | "polling" | "offline")}
 *   warn    (text) => void
 */
export class Client {
  constructor({ config, socket, fetch, clock, random, page, view, warn }) {
    Object.assign(this, { clock, random, page, view, warn });
    this.rule = new Rule({ cursor: config.since, shown: config.shown });
    this.missed = new Missed();
    this.requests = new Requests({ fetch, clock, ...config });
    this.schedule = new Schedule({
      clock,
      random,
      poll: (full) => this.apply(this.rule.catchUp({ full })),
    });
    this.connection = new Connection({
      socket,
      clock,
      random,
      warn: (text) => this.warnOnce(text),
      onChange: () => this.moved(),
      onEvent: (name, payload) => this.received(name, payload),
    });
    this.timers = new Map(); // by purpose: grace, retry, wake, patience
    this.failures = 0; // of catch-ups in a row
    this.retryAt = 0;
    this.warned = new Set();
    this.running = false;
  }

  start() {
    this.running = true;
    this.unlisten = this.page.listen({
      wake: () => this.wake(),
      change: () => this.changed(),
      leave: () => this.connection.close(),
    });
    this.schedule.change(this.mode());
    this.connection.open();
    this.after("patience", PATIENCE_MS, () => this.changed());
  }

  /** Ends every timer, request, listener and the socket. A stopped client stays stopped. */
  stop() {
    if (!this.running) return;
    this.running = false;
    this.unlisten();
    this.schedule.stop();
    this.requests.stop();
    this.connection.close();
    for (const timer of this.timers.values()) this.clock.clearTimeout(timer);
    this.timers.clear();
    this.view.status("offline");
  }

  /**
   * Mark every message up to this stamp as read.
   *
   * @returns {Promise<{unread: number, timestamp: number}>} rejects if it was not done
   */
  async markRead(upTo) {
    try {
      const answer = await this.requests.markRead(upTo);
      if (this.running) this.apply(this.rule.read(answer));
      return answer;
    } catch (error) {
      if (error instanceof SignedOut) this.signedOut();
      throw error;
    }
  }

  // What happens to us.

  received(name, payload) {
    if (!this.running) return;
    this.revived();
    if (name === "head" && isHead(payload)) {
      this.missed.head(payload.timestamp === this.rule.cursor);
      this.apply(this.rule.head(payload.timestamp));
    } else if (isPush(name, payload)) {
      this.missed.pushed(payload);
      this.apply(this.rule.push(payload));
    }
  }

  moved() {
    if (this.running && this.connection.connected) this.revived();
    this.changed();
  }

  changed() {
    if (!this.running) return;
    this.schedule.change(this.mode());
    if (!this.connection.connected) this.missed.reset();
    if (this.connection.connected) this.view.status("live");
    else this.view.status(this.failures > 0 ? "offline" : "polling");
  }

  /** The server is back: what failed while it was away need not wait as long as we thought. */
  revived() {
    if (!this.timers.has("retry")) return;
    const left = this.retryAt - this.clock.now();
    const delay = untilRevived({ left, random: this.random });
    if (delay === left) return;
    this.cancel("retry");
    this.retryIn(delay);
  }

  /** The page is visible, back from the cache or online again: who knows what it missed. */
  wake() {
    if (this.timers.has("wake")) return;
    this.after("wake", WAKE_MS * this.random(), () => this.awake());
  }

  awake() {
    this.connection.open();
    if (this.page.hidden()) return; // the schedule polls, and visible again is a full one
    this.cancel("retry");
    this.apply(this.rule.catchUp({ full: true }));
    this.changed();
  }

  signedOut() {
    this.warnOnce("signed out; reload the page after signing in again");
    this.stop();
  }

  // What the rule wants.

  apply(effects) {
    for (const effect of effects) this.carryOut(effect);
  }

  carryOut({ type, ...effect }) {
    if (type === "show") this.view.show(effect);
    else if (type === "clear") this.view.clear(effect.name);
    else if (type === "grace") this.after("grace", GRACE_MS, () => this.graceEnded());
    else this.request();
  }

  graceEnded() {
    this.apply(this.rule.graceEnded());
  }

  /** Every request passes here, so that none leaves while failures make us wait. */
  async request() {
    if (this.timers.has("retry")) return;
    const { cursor } = this.rule;
    const asked = { ...this.rule.begin(), missed: this.missed.asked(cursor) };
    this.schedule.asked(asked);
    const { length } = asked.missed.report;
    const [happened, outcome] = await this.requests.poll(asked.since, length).then(
      (answer) => [this.answered, answer],
      (error) => [this.failed, error],
    );
    if (this.running) happened.call(this, asked, outcome);
  }

  answered({ id, missed }, { events, interval }) {
    this.failures = 0;
    this.schedule.pace(interval);
    this.changed();
    const effects = this.rule.answer(id, events);
    this.missed.answered(missed, effects);
    this.apply(effects);
  }

  failed({ id }, error) {
    if (error instanceof SignedOut) {
      this.signedOut();
      return;
    }
    this.warnOnce(`cannot catch up, will try again: ${error.message}`);
    const delay = backoff(FETCH_BACKOFF, this.failures, this.random);
    this.failures += 1;
    this.retryIn(delay);
    this.apply(this.rule.failed(id));
    this.changed();
  }

  // Small things.

  retryIn(delay) {
    this.retryAt = this.clock.now() + delay;
    this.after("retry", delay, () => this.request());
  }

  mode() {
    return { connected: this.connection.connected, hidden: this.page.hidden() };
  }

  after(purpose, delay, action) {
    const run = () => {
      this.timers.delete(purpose);
      action();
    };
    this.timers.set(purpose, this.clock.setTimeout(run, delay));
  }

  cancel(purpose) {
    this.clock.clearTimeout(this.timers.get(purpose));
    this.timers.delete(purpose);
  }

  warnOnce(text) {
    if (this.warned.has(text)) return;
    this.warned.add(text);
    this.warn(text);
  }
}
