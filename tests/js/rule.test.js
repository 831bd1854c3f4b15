import { strict as assert } from "node:assert";
import { describe, test } from "node:test";

import { Rule, UNREAD } from "../../static/notifier/rule.js";

const push = (name, timestamp, previous, data = timestamp) => ({ name, data, timestamp, previous });
const row = (name, timestamp, data = timestamp) => ({ name, data, timestamp });
const shows = (effects) => effects.filter(({ type }) => type === "show").map(({ data }) => data);
const types = (effects) => effects.map(({ type }) => type);

/** A rule whose catch-up is on its way. */
function asking(full, options = { cursor: 10 }) {
  const rule = new Rule(options);
  rule.catchUp({ full });
  return { rule, asked: rule.begin() };
}

describe("a push", () => {
  test("that follows the cursor is shown and moves it", () => {
    const rule = new Rule({ cursor: 10 });
    assert.deepEqual(shows(rule.push(push("x", 11, 10))), [11]);
    assert.equal(rule.cursor, 11);
  });

  test("at or below the cursor is ignored", () => {
    const rule = new Rule({ cursor: 10 });
    assert.deepEqual(rule.push(push("x", 10, 9)), []);
  });

  test("after a hole is shown at once, but the cursor waits for a grace", () => {
    const rule = new Rule({ cursor: 10 });
    assert.deepEqual(types(rule.push(push("x", 12, 11))), ["show", "grace"]);
    assert.equal(rule.cursor, 10);
  });

  test("that fills the hole lets the cursor run to the end of the chain", () => {
    const rule = new Rule({ cursor: 10 });
    rule.push(push("x", 13, 12));
    rule.push(push("y", 12, 11));
    rule.push(push("z", 11, 10));
    assert.equal(rule.cursor, 13);
    assert.deepEqual(rule.graceEnded(), []);
  });

  test("older than the value of its name is not shown but still moves the cursor", () => {
    const rule = new Rule({ cursor: 10 });
    rule.push(push("x", 12, 11));
    assert.deepEqual(shows(rule.push(push("x", 11, 10))), []);
    assert.equal(rule.cursor, 12);
  });

  test("does not start a second grace", () => {
    const rule = new Rule({ cursor: 10 });
    rule.push(push("x", 12, 11));
    assert.deepEqual(types(rule.push(push("y", 14, 13))), ["show"]);
  });

  test("that never closes its hole makes the grace end in a quick catch-up", () => {
    const rule = new Rule({ cursor: 10 });
    rule.push(push("x", 12, 11));
    assert.deepEqual(types(rule.graceEnded()), ["catchUp"]);
    assert.deepEqual(rule.begin(), { id: 1, since: 10, full: false });
  });
});

describe("a head", () => {
  test("at the cursor says nothing", () => {
    assert.deepEqual(new Rule({ cursor: 10 }).head(10), []);
  });

  test("above the cursor waits a grace, then asks for everything", () => {
    const rule = new Rule({ cursor: 10 });
    assert.deepEqual(types(rule.head(12)), ["grace"]);
    assert.deepEqual(types(rule.graceEnded()), ["catchUp"]);
    assert.equal(rule.begin().since, 0);
  });

  test("above the cursor is forgotten when the pushes arrive in time", () => {
    const rule = new Rule({ cursor: 10 });
    rule.head(11);
    rule.push(push("x", 11, 10));
    assert.deepEqual(rule.graceEnded(), []);
  });

  test("below the cursor asks for everything and resets nothing", () => {
    const rule = new Rule({ cursor: 10, shown: [row("x", 10)] });
    assert.deepEqual(types(rule.head(5)), ["catchUp"]);
    assert.equal(rule.cursor, 10);
    assert.deepEqual(shows(rule.push(push("x", 9, 8))), []);
  });
});

describe("a quick answer", () => {
  test("shows what is newer and moves the cursor to its end", () => {
    const { rule, asked } = asking(false);
    assert.deepEqual(shows(rule.answer(asked.id, [row("x", 11), row("y", 12)])), [11, 12]);
    assert.equal(rule.cursor, 12);
  });

  test("that is empty leaves the cursor where pushes have brought it", () => {
    const { rule, asked } = asking(false);
    rule.push(push("x", 11, 10));
    rule.answer(asked.id, []);
    assert.equal(rule.cursor, 11);
  });

  test("settles the holes that were there when it was asked for", () => {
    const rule = new Rule({ cursor: 10 });
    rule.push(push("x", 12, 11));
    rule.graceEnded();
    assert.deepEqual(rule.answer(rule.begin().id, [row("x", 12)]), []);
    assert.equal(rule.holes.size, 0);
  });

  test("leaves a hole dug meanwhile, which gets a grace of its own", () => {
    const { rule, asked } = asking(false);
    rule.push(push("x", 14, 13));
    assert.deepEqual(rule.graceEnded(), []);
    assert.deepEqual(types(rule.answer(asked.id, [])), ["grace"]);
    assert.deepEqual(types(rule.graceEnded()), ["catchUp"]);
  });

  test("with an entry at or below the since asked is the state of a restored database", () => {
    const shown = [row("x", 10), row("y", 9)];
    const { rule, asked } = asking(false, { cursor: 10, shown });
    const effects = rule.answer(asked.id, [row("x", 5)]);
    assert.deepEqual(types(effects), ["clear", "show"]);
    assert.equal(rule.cursor, 5);
  });
});

describe("a full answer", () => {
  test("replaces a newer value by the older one of a restored database", () => {
    const { rule, asked } = asking(true, { cursor: 10, shown: [row("x", 10)] });
    assert.deepEqual(shows(rule.answer(asked.id, [row("x", 5)])), [5]);
    assert.equal(rule.cursor, 5);
  });

  test("clears what it lacks", () => {
    const { rule, asked } = asking(true, { cursor: 10, shown: [row("x", 10)] });
    assert.deepEqual(rule.answer(asked.id, []), [{ type: "clear", name: "x" }]);
    assert.equal(rule.cursor, 0);
  });

  test("neither replaces nor clears a name shown by a push since it was asked for", () => {
    const { rule, asked } = asking(true);
    rule.push(push("x", 11, 10));
    rule.push(push("y", 12, 11));
    assert.deepEqual(rule.answer(asked.id, [row("x", 10)]), []);
    assert.equal(rule.cursor, 12);
  });

  test("shows a newer value even of a name shown by a push since it was asked for", () => {
    const { rule, asked } = asking(true);
    rule.push(push("x", 11, 10));
    assert.deepEqual(shows(rule.answer(asked.id, [row("x", 12)])), [12]);
  });

  test("does not show again what is shown already", () => {
    const { rule, asked } = asking(true, { cursor: 10, shown: [row("x", 10)] });
    assert.deepEqual(rule.answer(asked.id, [row("x", 10)]), []);
  });

  test("shows another value of the same stamp, as a restored database may give it twice", () => {
    const { rule, asked } = asking(true, { cursor: 10, shown: [row("x", 10, "old")] });
    assert.deepEqual(shows(rule.answer(asked.id, [row("x", 10, "new")])), ["new"]);
  });
});

describe("catching up", () => {
  test("has one request under way at most", () => {
    const { rule } = asking(false);
    assert.deepEqual(rule.catchUp({ full: true }), []);
    assert.equal(rule.begin(), null);
  });

  test("in full, wanted during a request, follows its answer", () => {
    const { rule, asked } = asking(true);
    rule.catchUp({ full: true });
    assert.deepEqual(types(rule.answer(asked.id, [])), ["catchUp"]);
    assert.equal(rule.begin().full, true);
  });

  test("quick, wanted during a request, is not repeated", () => {
    const { rule, asked } = asking(false);
    rule.catchUp({ full: false });
    assert.deepEqual(rule.answer(asked.id, []), []);
    assert.equal(rule.begin(), null);
  });

  test("once wanted in full stays full", () => {
    const rule = new Rule({ cursor: 10 });
    rule.catchUp({ full: true });
    rule.catchUp({ full: false });
    assert.equal(rule.begin().full, true);
  });

  test("that failed is still owed, and its late answer is discarded", () => {
    const { rule, asked } = asking(true);
    assert.deepEqual(types(rule.failed(asked.id)), ["catchUp"]);
    assert.deepEqual(rule.answer(asked.id, [row("x", 11)]), []);
    assert.deepEqual(rule.begin(), { id: 2, since: 0, full: true });
  });

  test("cannot fail twice", () => {
    const { rule, asked } = asking(true);
    rule.failed(asked.id);
    assert.deepEqual(rule.failed(asked.id), []);
  });
});

describe("the answer to mark-read", () => {
  test("is shown if newer, and the cursor stays", () => {
    const rule = new Rule({ cursor: 10 });
    assert.deepEqual(shows(rule.read({ unread: 0, timestamp: 12 })), [0]);
    assert.equal(rule.cursor, 10);
  });

  test("is not replaced by a full answer computed before it", () => {
    const { rule, asked } = asking(true);
    rule.read({ unread: 0, timestamp: 12 });
    assert.deepEqual(rule.answer(asked.id, [row(UNREAD, 10, 3)]), []);
  });
});
