import { strict as assert } from "node:assert";
import { test } from "node:test";

import * as timing from "../../static/notifier/timing.js";

const { backoff, intervalFrom, pollPeriod, spread, untilDue } = timing;
const delays = { first: 500, most: 5_000 };

test("delays double up to the most", () => {
  const middle = [0, 1, 2, 3, 4, 5000].map((attempt) => backoff(delays, attempt, () => 0.5));
  assert.deepEqual(middle, [500, 1_000, 2_000, 4_000, 5_000, 5_000]);
});

test("delays are jittered by half in both directions", () => {
  assert.equal(backoff(delays, 0, () => 0), 250);
  assert.equal(backoff(delays, 0, () => 1), 750);
});

test("periods are spread later only", () => {
  assert.equal(spread(10_000, () => 0), 10_000);
  assert.equal(spread(10_000, () => 1), 12_000);
});

test("a hidden tab polls once a minute at most", () => {
  assert.equal(pollPeriod({ interval: 10_000, hidden: true }), 60_000);
  assert.equal(pollPeriod({ interval: 90_000, hidden: true }), 90_000);
  assert.equal(pollPeriod({ interval: 10_000, hidden: false }), 10_000);
});

test("what is overdue is due now", () => {
  assert.equal(untilDue({ now: 100, last: 0, period: 50 }), 0);
  assert.equal(untilDue({ now: 100, last: 90, period: 50 }), 40);
});

test("a Poll-Interval is taken in seconds if it makes sense", () => {
  assert.equal(intervalFrom("2.5"), 2_500);
  for (const header of [null, "", "soon", "0", "-1", "0.5", "1e9", "NaN"]) {
    assert.equal(intervalFrom(header), null, header);
  }
});
