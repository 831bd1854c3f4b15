import { strict as assert } from "node:assert";
import { test } from "node:test";

import { run } from "../../static/notifier/page.js";
import { UNREAD } from "../../static/notifier/rule.js";
import { FakeClock, FakeDocument, FakeElement, FakeFetch, FakeSocket } from "./fakes.js";

function page({ badges = [new FakeElement({ since: "10", text: "3" })], answer } = {}) {
  const world = {
    document: new FakeDocument({ badges }),
    window: new EventTarget(),
    clock: new FakeClock(),
    socket: new FakeSocket(),
    http: new FakeFetch(answer),
    opened: [],
  };
  const io = (...options) => {
    world.opened.push(options);
    return world.socket;
  };
  const { fetch } = world.http;
  const client = run({ ...world, io, fetch, random: () => 0.5, warn() {} });
  return { client, badges, ...world };
}

const event = (type, properties) => Object.assign(new Event(type), properties);

test("a page without a badge opens no socket", () => {
  const { client, opened } = page({ badges: [] });
  assert.deepEqual([client, opened], [null, []]);
});

test("a page with a badge opens a socket where the badge says", () => {
  const { opened, socket } = page({ badges: [new FakeElement({ namespace: "/n" })] });
  assert.equal(opened[0][0], "/n");
  assert.equal(socket.attempts, 1);
});

test("a push changes the badge", () => {
  const { socket, badges } = page();
  socket.emit(UNREAD, { name: UNREAD, data: 4, timestamp: 11, previous: 10 });
  assert.equal(badges[0].textContent, "4");
});

test("hidden and visible again it fetches everything", async () => {
  const { document, http, clock } = page();
  document.hidden = true;
  document.dispatchEvent(new Event("visibilitychange"));
  await clock.advance(300);
  assert.deepEqual(http.asked, []);
  document.hidden = false;
  document.dispatchEvent(new Event("visibilitychange"));
  await clock.advance(300);
  assert.deepEqual(http.asked, [0]);
});

test("back from the back/forward cache it fetches everything and connects again", async () => {
  const { window, socket, http, clock } = page();
  window.dispatchEvent(new Event("pagehide"));
  assert.equal(socket.disconnects, 1);
  window.dispatchEvent(event("pageshow", { persisted: true }));
  await clock.advance(300);
  assert.deepEqual([socket.attempts, http.asked], [2, [0]]);
});

test("shown for the first time it fetches nothing", async () => {
  const { window, http, clock } = page();
  window.dispatchEvent(event("pageshow", { persisted: false }));
  await clock.advance(300);
  assert.deepEqual(http.asked, []);
});

test("online again it fetches everything", async () => {
  const { window, http, clock } = page();
  window.dispatchEvent(new Event("online"));
  await clock.advance(300);
  assert.deepEqual(http.asked, [0]);
});

test("stopped it hears nothing any more", async () => {
  const { client, window, http, clock } = page();
  client.stop();
  window.dispatchEvent(new Event("online"));
  await clock.advance(300);
  assert.deepEqual(http.asked, []);
});

test("the page's modules can mark as read by an event", async () => {
  const { document, badges, clock } = page({ answer: () => [200, { unread: 0, timestamp: 11 }] });
  document.dispatchEvent(new CustomEvent("notifier:mark-read", { detail: { upTo: 10.5 } }));
  await clock.advance(0);
  assert.deepEqual([badges[0].textContent, badges[0].hidden], ["0", true]);
});

test("the page's modules hear of a mark-read that failed", async () => {
  const { document, clock } = page({ answer: () => [500, {}] });
  const failures = [];
  document.addEventListener("notifier:mark-read-failed", ({ detail }) => failures.push(detail));
  document.dispatchEvent(new CustomEvent("notifier:mark-read", { detail: { upTo: 10.5 } }));
  await clock.advance(0);
  assert.deepEqual(failures, [{ upTo: 10.5, error: "/api/v1/messages/read answered 500" }]);
});
