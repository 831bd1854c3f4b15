import { strict as assert } from "node:assert";
import { test } from "node:test";

import { Schedule } from "../../static/notifier/schedule.js";
import { FakeClock } from "./fakes.js";

function schedule(mode) {
  const clock = new FakeClock();
  const polls = [];
  const poll = (full) => polls.push([clock.time / 1000, full ? "full" : "quick"]);
  const it = new Schedule({ clock, random: () => 0, poll });
  it.change({ connected: false, hidden: false, ...mode });
  return { it, clock, polls };
}

test("without a socket it polls every ten seconds, every sixth time in full", async () => {
  const { clock, polls } = schedule();
  await clock.advance(70_000);
  assert.deepEqual(polls.map(([time]) => time), [10, 20, 30, 40, 50, 60, 70]);
  assert.deepEqual(polls.filter(([, kind]) => kind === "full"), [[60, "full"]]);
});

test("with a socket it polls in full once a minute", async () => {
  const { clock, polls } = schedule({ connected: true });
  await clock.advance(125_000);
  assert.deepEqual(polls, [[60, "full"], [120, "full"]]);
});

test("hidden it polls once a minute at most", async () => {
  const { clock, polls } = schedule({ hidden: true });
  await clock.advance(125_000);
  assert.deepEqual(polls.map(([time]) => time), [60, 120]);
});

test("it follows the pace of the server", async () => {
  const { it, clock, polls } = schedule();
  it.pace(2_000);
  it.pace(null);
  await clock.advance(4_500);
  assert.deepEqual(polls.map(([time]) => time), [2, 4]);
});

test("a request for another reason counts as a poll", async () => {
  const { it, clock, polls } = schedule();
  await clock.advance(9_000);
  it.asked({ full: false });
  await clock.advance(9_999);
  assert.deepEqual(polls, []);
});

test("quick requests do not put the safety poll off", async () => {
  const { it, clock, polls } = schedule({ connected: true });
  await clock.advance(50_000);
  it.asked({ full: false });
  await clock.advance(10_000);
  assert.deepEqual(polls, [[60, "full"]]);
});

test("a connection that comes and goes does not starve the polls", async () => {
  const { it, clock, polls } = schedule();
  for (let count = 0; count < 8; count += 1) {
    await clock.advance(4_000);
    it.change({ connected: count % 2 === 0, hidden: false });
  }
  assert.ok(polls.length >= 1);
});

test("after the loss of a socket it polls in a moment, not at once", async () => {
  const { it, clock, polls } = schedule({ connected: true });
  await clock.advance(59_000);
  it.change({ connected: false, hidden: false });
  await clock.advance(1_999);
  assert.deepEqual(polls, []);
  await clock.advance(10_001);
  assert.deepEqual(polls.map(([time]) => time), [61, 71]);
});

test("a socket that is back in a moment costs no poll", async () => {
  const { it, clock, polls } = schedule({ connected: true });
  await clock.advance(30_000);
  it.change({ connected: false, hidden: false });
  await clock.advance(1_900);
  it.change({ connected: true, hidden: false });
  await clock.advance(20_000);
  assert.deepEqual(polls, []);
});

test("losing one socket after the other does not put the poll off", async () => {
  const { it, clock, polls } = schedule({ connected: true });
  await clock.advance(10_000);
  for (let count = 0; count < 10; count += 1) {
    it.change({ connected: false, hidden: false });
    await clock.advance(1_500);
    it.change({ connected: true, hidden: false });
    await clock.advance(1_000);
  }
  assert.ok(polls.length >= 3);
});

test("a slow pace does not put the poll after a loss off", async () => {
  const { it, clock, polls } = schedule({ connected: true });
  it.pace(600_000);
  it.change({ connected: false, hidden: false });
  await clock.advance(2_500);
  assert.deepEqual(polls.map(([time]) => time), [2]);
});

test("stopped it does nothing", async () => {
  const { it, clock, polls } = schedule();
  it.stop();
  await clock.advance(600_000);
  assert.deepEqual(polls, []);
});
