import { strict as assert } from "node:assert";

import { World } from "./world.js";

/** More rounds than any schedule needs to come to rest: beyond it the rule is in a loop. */
const ROUNDS = 200;

/** How often what happens, in relation to each other. */
const SHARES = {
  commit: 16,
  publish: 14,
  deliver: 22,
  coalesce: 6,
  lose: 5,
  sendHead: 4,
  cut: 1,
  tick: 5,
  grace: 6,
  ask: 4,
  begin: 10,
  compute: 8,
  answer: 8,
  abandon: 2,
  markRead: 3,
  restore: 1,
  reload: 1,
};
const ACTIONS = Object.entries(SHARES).flatMap(([action, share]) => Array(share).fill(action));

/**
 * What must hold after every step:
 *
 * 1. No older value after a newer one: what is displayed for a name is replaced by an older
 *    value, or cleared, only if a restore has undone it.
 * 2. No skipped event: a row at or below the cursor is displayed. (Nothing would ask for it.)
 *    Not claimed between a restore and the first state answer computed after it, nor after a
 *    push that a restore has undone: no client can tell such a push from a real one. Nor, for
 *    the same reason, after a restore if the wall clock went back too and stamps repeat.
 * 3. At rest (no grace, no request) what arrived has been dealt with: pushes and heads that
 *    are still part of history are at or below the cursor. Suspended like 2.
 *
 * And after the last fault every name is at the server's value: after one sweep or one quick
 * poll, or, if a database was restored, after one full poll.
 */
export class Model extends World {
  run(steps) {
    for (let count = 0; count < steps; count += 1) {
      const action = this.dice.pick(ACTIONS);
      if (this[action]()) this.check();
    }
    this.finish();
  }

  display({ type, name, data }) {
    const before = this.displayed.get(name);
    const after = type === "clear" ? undefined : this.server.events.get(data);
    const isOlder = before && (after?.timestamp ?? 0) < before.timestamp;
    assert.ok(!isOlder || before.undone, `${name}: older value after a newer one`);
    if (after) this.displayed.set(name, after);
    else this.displayed.delete(name);
  }

  check() {
    assert.ok(this.graces <= 1, "two graces at once");
    if (!this.trusted) return;
    for (const row of this.server.rows.values()) {
      if (row.timestamp > this.rule.cursor || row.timestamp <= this.since) continue;
      const shown = this.displayed.get(row.name);
      assert.ok(shown?.timestamp >= row.timestamp, `${row.name}@${row.timestamp} was skipped`);
    }
    const isWaiting = this.graces > 0 || this.owed || this.requests.some(({ live }) => live);
    const hasArrived = this.rule.cursor >= this.arrived;
    assert.ok(isWaiting || hasArrived, `at rest below ${this.arrived}, which arrived`);
  }

  /** The faults end: everything still out there arrives or is lost, then one sweep or poll. */
  finish() {
    this.log("the faults end");
    while (this.dice.chance(0.8) && this.deliver()) this.check();
    this.network = [];
    this.rest();
    if (this.trusted) this.healBySweepOrQuickPoll();
    this.ask(true);
    this.rest();
    this.converged("after a full poll");
    assert.equal(this.displayed.size, this.server.rows.size, "a value the database has not");
  }

  /** Without a restore nobody needs to wait for the full poll. */
  healBySweepOrQuickPoll() {
    if (this.dice.chance(0.5)) this.receive({ head: this.server.head });
    else this.ask(false);
    this.rest();
    this.converged("after a sweep or a quick poll");
  }

  rest() {
    for (let rounds = 0; this.grace() || this.begin() || this.compute() || this.answer(); ) {
      this.check();
      rounds += 1;
      assert.ok(rounds < ROUNDS, "the rule never rests");
    }
  }

  converged(when) {
    for (const row of this.server.rows.values()) {
      if (row.timestamp <= this.since) continue;
      assert.equal(this.displayed.get(row.name)?.data, row.data, `${row.name} ${when}`);
    }
    assert.equal(this.rule.cursor, this.server.head, `the cursor ${when}`);
  }
}

/**
 * Run schedules until one fails.
 *
 * @returns {{seed, steps, error, trace} | null} the counterexample, or null if all hold
 */
export function search({ schedules, firstSeed = 1, steps = [10, 60], ...options }) {
  for (let seed = firstSeed; seed < firstSeed + schedules; seed += 1) {
    const length = steps[0] + (seed % (steps[1] - steps[0] + 1));
    const error = failureOf(new Model(seed, options), length);
    if (!error) continue;
    const world = new Model(seed, { ...options, trace: true });
    failureOf(world, length);
    return { seed, steps: length, error, trace: world.trace };
  }
  return null;
}

function failureOf(world, steps) {
  try {
    world.run(steps);
    return null;
  } catch (error) {
    if (error instanceof assert.AssertionError) return error.message;
    throw error;
  }
}
