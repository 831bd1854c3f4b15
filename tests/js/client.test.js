import { strict as assert } from "node:assert";
import { describe, test } from "node:test";

import { UNREAD } from "../../static/notifier/rule.js";
import { FETCH_TIMEOUT_MS, REVIVED_MS } from "../../static/notifier/timing.js";
import { client, fails, push, row } from "./client_world.js";

describe("pushes", () => {
  test("are shown at once and cost no request", async () => {
    const { socket, view, http, clock } = client();
    socket.emit(UNREAD, push(11, 10, 4));
    await clock.advance(1_000);
    assert.equal(view.values[UNREAD], 4);
    assert.deepEqual(http.calls, []);
  });

  test("with a hole make a quick request after the grace", async () => {
    const { socket, http, clock } = client();
    socket.emit(UNREAD, push(12, 11, 5));
    await clock.advance(99);
    assert.deepEqual(http.asked, []);
    await clock.advance(1);
    assert.deepEqual(http.asked, [10]);
  });

  test("that are not ours are left alone", () => {
    const { socket, view } = client();
    socket.emit("chat", { text: "from the host's own code" });
    socket.emit("head", "nonsense");
    socket.emit("other", push(11, 10, 4));
    socket.emit(UNREAD, { ...push(11, 10, 4), previous: undefined });
    assert.deepEqual(view.values, {});
  });
});

describe("heads", () => {
  test("at the cursor cost no request, so a reconnect is free", async () => {
    const { socket, http, clock } = client();
    socket.emit("head", { timestamp: 10 });
    await clock.advance(1_000);
    assert.deepEqual(http.calls, []);
  });

  test("above the cursor fetch everything", async () => {
    const { socket, view, clock } = client({ answer: () => [200, [row(12, 5)]] });
    socket.emit("head", { timestamp: 12 });
    await clock.advance(100);
    assert.equal(view.values[UNREAD], 5);
  });

  test("that find an empty database clear the badge", async () => {
    const { socket, view, clock } = client();
    view.values[UNREAD] = 3;
    socket.emit("head", { timestamp: 0 });
    await clock.advance(1);
    assert.deepEqual(view.values, {});
  });
});

describe("requests", () => {
  test("carry the session cookie, no cache, and the cursor", async () => {
    const { http, clock } = client({ connected: false, since: 1682479141.596086 });
    await clock.advance(11_000);
    const [{ url, options }] = http.calls;
    assert.equal(url, "/notifications?since=1682479141.596086");
    assert.equal(options.credentials, "same-origin");
    assert.equal(options.cache, "no-store");
  });

  test("keep the query that a poll URL has already", async () => {
    const { it, http, clock } = client({ connected: false });
    it.requests.pollUrl = "/notifications?tenant=1";
    await clock.advance(11_000);
    assert.deepEqual(http.urls, ["/notifications?tenant=1&since=10"]);
  });

  test("that fail are repeated ever more rarely", async () => {
    const { socket, http, clock, warnings } = client({ answer: fails });
    socket.emit("head", { timestamp: 12 });
    await clock.advance(100 + 1_000 + 2_000 + 4_000);
    assert.equal(http.calls.length, 4);
    assert.equal(warnings.length, 1);
  });

  test("wait for their turn while others fail", async () => {
    const { socket, http, clock } = client({ answer: fails });
    socket.emit("head", { timestamp: 5 });
    await clock.advance(1);
    for (let count = 0; count < 9; count += 1) socket.emit("head", { timestamp: 5 });
    await clock.advance(998);
    assert.equal(http.calls.length, 1);
  });

  for (const [sign, show] of [
    ["a head", ({ socket }) => socket.emit("head", { timestamp: 12 })],
    ["a push", ({ socket }) => socket.emit(UNREAD, push(12, 11, 5))],
    ["a new socket", ({ socket }) => (socket.drop(), socket.accept())],
  ]) {
    test(`that failed for long are made soon after ${sign}, and once`, async () => {
      const world = client({ answer: fails });
      const { socket, http, clock } = world;
      socket.emit("head", { timestamp: 11 });
      await clock.advance(100 + 1_000 + 2_000 + 4_000 + 8_000 + 16_000);
      const before = http.calls.length;
      for (let count = 0; count < 9; count += 1) show(world);
      await clock.advance(REVIVED_MS + 100);
      assert.equal(http.calls.length, before + 1);
    });
  }

  test("succeed after failures as if nothing had been", async () => {
    const { socket, http, view, clock } = client({ answer: fails });
    socket.emit("head", { timestamp: 12 });
    await clock.advance(200);
    http.answer = () => [200, [row(12, 5)]];
    await clock.advance(1_000);
    assert.equal(view.values[UNREAD], 5);
    await clock.advance(30_000);
    assert.equal(http.calls.length, 2);
  });

  test("that hang are aborted, and their turn passes on", async () => {
    const { socket, http, view, clock } = client();
    http.answer = null;
    socket.emit("head", { timestamp: 12 });
    await clock.advance(100 + FETCH_TIMEOUT_MS);
    http.answer = () => [200, [row(12, 5)]];
    await clock.advance(1_000);
    assert.equal(view.values[UNREAD], 5);
  });

  for (const body of [null, {}, [{}], [row(12, 5), row(11, 4)], "<html>", [row(null, 5)]]) {
    test(`answered with ${JSON.stringify(body)} count as failed`, async () => {
      const { view, clock, warnings } = client({ connected: false, answer: () => [200, body] });
      await clock.advance(11_000);
      assert.deepEqual(view.values, {});
      assert.equal(warnings.length, 1);
    });
  }

  test("answered 401 end everything", async () => {
    const { http, view, clock, warnings } = client({ connected: false, answer: () => [401, {}] });
    await clock.advance(600_000);
    assert.equal(http.calls.length, 1);
    assert.equal(view.statuses.at(-1), "offline");
    assert.equal(clock.timers.size, 0);
    assert.match(warnings[0], /signed out/);
  });
});
