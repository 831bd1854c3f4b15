import { strict as assert } from "node:assert";
import { test } from "node:test";

import { search } from "./model.js";
import { survivorTakesOldest } from "./model_server.js";
import * as naive from "./naive.js";

const SCHEDULES = 60_000;
/** Each naive rule must fall within this many; most do within a few hundred. */
const BUDGET = 10_000;

const tell = ({ seed, steps, error, trace }) =>
  `seed ${seed}, ${steps} steps: ${error}\n${trace.join("\n")}`;

function holds(options) {
  const found = search({ schedules: SCHEDULES, ...options });
  assert.ok(found === null, found && tell(found));
}

function falls(options, expected) {
  const found = search({ schedules: BUDGET, ...options });
  assert.ok(found, `no counterexample in ${BUDGET} schedules: the test does not bite`);
  assert.match(found.error, expected);
}

test("no schedule of short lives breaks the rule", () => {
  holds({ restores: false });
});

test("no schedule with restored databases breaks the rule", () => {
  holds({ restores: true });
});

test("no schedule of long lives breaks the rule", () => {
  holds({ schedules: SCHEDULES / 8, steps: [100, 200] });
});

test("a coalescing whose survivor takes the oldest previous hides events", () => {
  falls({ restores: false, coalesce: survivorTakesOldest }, /was skipped/);
});

const FALLS_WITHOUT_RESTORES = {
  AdvanceOnAnyPush: /was skipped/,
  DropOutOfOrder: /at rest below/,
  PreviousWithoutHoles: /at rest below/,
  ResetOnLowHead: /older value after a newer one/,
  AbandonedAnswersCount: /older value after a newer one/,
  FullAnswersReplacePushes: /older value after a newer one/,
  ReadsAreNotNoted: /older value after a newer one/,
  AnswersFillAllHoles: /at rest below/,
};

const FALLS_WITH_RESTORES = {
  HolesOutliveAnswers: /never rests/,
  CursorNeverFalls: /the cursor after/,
  OnlyEverForward: / after a /,
};

for (const [name, expected] of Object.entries(FALLS_WITHOUT_RESTORES)) {
  test(`the naive rule ${name} falls`, () => {
    falls({ RuleClass: naive[name], restores: false }, expected);
  });
}

for (const [name, expected] of Object.entries(FALLS_WITH_RESTORES)) {
  test(`the naive rule ${name} falls when a database is restored`, () => {
    falls({ RuleClass: naive[name], restores: true }, expected);
  });
}

test("every naive rule is put to the test", () => {
  const tested = [...Object.keys(FALLS_WITHOUT_RESTORES), ...Object.keys(FALLS_WITH_RESTORES)];
  assert.deepEqual(tested.sort(), Object.keys(naive).sort());
});
