import { Rule, UNREAD } from "../../static/notifier/rule.js";
import { ModelServer } from "./model_server.js";
import { dice } from "./random.js";

const NAMES = [UNREAD, "order_status", "chat:1"];

/**
 * One client, one server and a hostile world between them, all driven by one seed.
 *
 * The network is a bag: whatever is in it may arrive in any order, twice, late or never.
 * model.js says what must hold; this is only what may happen, and what is known about it:
 *
 *   trusted  no restore has happened that the client cannot know of yet
 *   arrived  the highest stamp of the present history that a push or a head has told
 *   since    rows at or below it need not be displayed: the page came with this cursor
 */
export class World {
  constructor(seed, { RuleClass = Rule, coalesce, restores = true, trace = false } = {}) {
    this.dice = dice(seed);
    this.server = new ModelServer({ coalesce, stampsRepeat: this.dice.chance(0.2) });
    this.RuleClass = RuleClass;
    this.canRestore = restores;
    this.trace = trace ? [] : null;
    for (let count = this.dice.below(4); count > 0; count -= 1) this.commit();
    this.open(this.page());
  }

  log(...words) {
    this.trace?.push(words.map((word) => JSON.stringify(word)).join(" "));
  }

  // The page. What it displays goes to display(), which model.js brings and judges.

  /** A page as the server renders it now: the badge and the cursor from one statement. */
  page() {
    const badge = this.server.rows.get(UNREAD);
    return { cursor: this.server.head, badge };
  }

  open({ cursor, badge }) {
    this.log("open", cursor);
    const seed = { name: UNREAD, data: badge?.data ?? 0, timestamp: cursor };
    this.rule = new this.RuleClass({ cursor, shown: [seed] });
    this.since = cursor;
    this.displayed = new Map(badge ? [[UNREAD, badge]] : []);
    this.network = [];
    this.requests = [];
    this.graces = 0;
    this.owed = false;
    this.arrived = 0;
    this.trusted = this.server.restores === 0;
    this.met = [];
  }

  apply(effects) {
    for (const effect of effects) {
      this.log("  =>", effect);
      if (effect.type === "grace") this.graces += 1;
      else if (effect.type === "catchUp") this.owed = true;
      else this.display(effect);
    }
  }

  // What may happen. Each returns false if it cannot happen now.

  commit() {
    const worker = this.dice.below(2);
    for (let count = 1 + this.dice.below(2); count > 0; count -= 1) {
      const event = this.server.commit(this.dice.pick(NAMES));
      this.log("commit", event);
      this.server.enqueue(worker, event);
    }
    return true;
  }

  tick() {
    this.server.now += this.dice.below(8) - (this.dice.chance(0.2) ? 12 : 0);
    return true;
  }

  coalesce() {
    return this.server.coalesce(this.dice.below(2));
  }

  publish() {
    const queue = this.dice.pick(this.server.queues);
    if (queue.length === 0) return false;
    const push = queue.shift();
    this.log("publish", push);
    this.network.push({ push });
    return true;
  }

  sendHead() {
    this.network.push({ head: this.server.head, restores: this.server.restores });
    return true;
  }

  lose() {
    return this.network.length > 0 && Boolean(this.dice.take(this.network));
  }

  cut() {
    this.network = [];
    return this.sendHead();
  }

  deliver() {
    if (this.network.length === 0) return false;
    const packet = this.dice.pick(this.network);
    if (this.dice.chance(0.8)) this.network.splice(this.network.indexOf(packet), 1);
    this.log("deliver", packet);
    this.receive(packet);
    return true;
  }

  receive({ push, head, read, restores }) {
    if (push) {
      const event = this.meet(push.data);
      if (!event.undone) this.arrived = Math.max(this.arrived, event.timestamp);
      this.apply(this.rule.push(push));
    } else if (read) {
      this.meet(read.unread);
      this.apply(this.rule.read(read));
    } else {
      if (restores === this.server.restores) this.arrived = Math.max(this.arrived, head);
      this.apply(this.rule.head(head));
    }
  }

  /** The client meets an event outside of an answer; it may be the ghost of an undone one. */
  meet(data) {
    const event = this.server.events.get(data);
    this.met.push(event);
    if (event.undone) this.trusted = false;
    return event;
  }

  grace() {
    if (this.graces === 0) return false;
    this.graces -= 1;
    this.log("grace over");
    this.apply(this.rule.graceEnded());
    return true;
  }

  ask(full = this.dice.chance(0.5)) {
    this.log("catch up", full);
    this.apply(this.rule.catchUp({ full }));
    return true;
  }

  begin() {
    if (!this.owed) return false;
    this.owed = false;
    const asked = this.rule.begin();
    if (!asked) return false;
    this.log("request", asked);
    this.requests.push({ ...asked, metBefore: this.met.length, live: true });
    return true;
  }

  /** The server computes an answer, which is then on its way. */
  compute() {
    const waiting = this.requests.filter(({ events }) => !events);
    if (waiting.length === 0) return false;
    const request = this.dice.pick(waiting);
    request.events = this.server.poll(request.since);
    request.restores = this.server.restores;
    this.log("computed", request);
    return true;
  }

  answer() {
    const ready = this.requests.filter(({ events }) => events);
    if (ready.length === 0) return false;
    const request = this.dice.pick(ready);
    this.requests.splice(this.requests.indexOf(request), 1);
    this.log("answer", request.id);
    if (request.live) this.settle(request);
    this.apply(this.rule.answer(request.id, request.events));
    return true;
  }

  /** After this answer the client knows the present timeline, unless a ghost got between. */
  settle({ full, since, events, restores, metBefore }) {
    const isState = full || events.some(({ timestamp }) => timestamp <= since);
    const hasGhosts = this.met.slice(metBefore).some(({ undone }) => undone);
    if (!isState || hasGhosts || restores !== this.server.restores) return;
    if (restores > 0 && this.server.stampsRepeat) return;
    if (!this.trusted) this.arrived = 0;
    this.trusted = true;
    this.since = 0;
  }

  /** The client gives a request up; its answer may still arrive. */
  abandon() {
    const request = this.requests.find(({ live }) => live);
    if (!request) return false;
    request.live = false;
    this.log("abandon", request.id);
    this.apply(this.rule.failed(request.id));
    return true;
  }

  markRead() {
    const event = this.server.commit(UNREAD);
    this.log("mark read", event);
    this.server.enqueue(this.dice.below(2), event);
    this.network.push({ read: { unread: event.data, timestamp: event.timestamp } });
    return true;
  }

  restore() {
    if (!this.canRestore || this.server.history.length === 0) return false;
    const count = 1 + this.dice.below(this.server.history.length);
    this.log("restore", count);
    this.server.restore(count);
    this.trusted = false;
    return true;
  }

  /** A reload; the page may have been rendered a while ago. */
  reload() {
    if (this.rendered) {
      this.open(this.rendered);
      this.rendered = null;
    } else this.rendered = this.page();
    return true;
  }
}
