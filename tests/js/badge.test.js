import { strict as assert } from "node:assert";
import { test } from "node:test";

import { View, showOn } from "../../static/notifier/badge.js";
import { UNREAD } from "../../static/notifier/rule.js";
import { FakeDocument, FakeElement } from "./fakes.js";

const labels = { labelOne: "1 unread message", labelOther: "{count} unread messages" };

test("a badge shows the exact count", () => {
  const badge = new FakeElement(labels);
  showOn(badge, 1234);
  assert.deepEqual([badge.textContent, badge.hidden], ["1234", false]);
});

test("a badge is hidden at 0", () => {
  const badge = new FakeElement({ text: "3" });
  showOn(badge, 0);
  assert.deepEqual([badge.textContent, badge.hidden], ["0", true]);
});

test("a badge reads as a sentence, one message as one", () => {
  const badge = new FakeElement(labels);
  showOn(badge, 3);
  assert.equal(badge.attributes["aria-label"], "3 unread messages");
  showOn(badge, 1);
  assert.equal(badge.attributes["aria-label"], "1 unread message");
});

test("a badge without labels gets none", () => {
  const badge = new FakeElement();
  showOn(badge, 3);
  assert.deepEqual(badge.attributes, {});
});

test("a badge that shows the value already is not written to", () => {
  const badge = new FakeElement({ text: "3" });
  showOn(badge, 3);
  assert.equal(badge.writes, 0);
});

test("markup in a value stays text", () => {
  const badge = new FakeElement();
  showOn(badge, "<b>");
  assert.equal(badge.textContent, "<b>");
});

test("every badge of a name is updated, others are not", () => {
  const badges = [{}, { name: UNREAD }, { name: "orders" }].map((data) => new FakeElement(data));
  new View(new FakeDocument({ badges })).show({ name: UNREAD, data: 3, timestamp: 11 });
  assert.deepEqual(badges.map(({ textContent }) => textContent), ["3", "3", "0"]);
});

test("a cleared badge is at 0", () => {
  const badge = new FakeElement({ text: "3" });
  new View(new FakeDocument({ badges: [badge] })).clear(UNREAD);
  assert.deepEqual([badge.textContent, badge.hidden], ["0", true]);
});

test("the page's modules hear of every value shown, and of every one cleared", () => {
  const document = new FakeDocument();
  const heard = [];
  document.addEventListener("notifier", ({ detail }) => heard.push(detail));
  const view = new View(document);
  view.show({ name: "orders", data: { id: 7 }, timestamp: 11 });
  view.clear("orders");
  assert.deepEqual(heard, [
    { name: "orders", data: { id: 7 }, timestamp: 11 },
    { name: "orders", data: null, timestamp: 0 },
  ]);
});

test("status elements say the status, once", () => {
  const statuses = [new FakeElement(), new FakeElement()];
  const view = new View(new FakeDocument({ statuses }));
  view.status("live");
  view.status("live");
  for (const element of statuses) {
    assert.deepEqual([element.dataset.state, element.textContent], ["live", "Live"]);
    assert.equal(element.writes, 1);
  }
});
