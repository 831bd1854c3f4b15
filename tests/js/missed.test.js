import { strict as assert } from "node:assert";
import { describe, test } from "node:test";

import { UNREAD } from "../../static/notifier/rule.js";
import { SAFETY_MS } from "../../static/notifier/timing.js";
import { client, fails, push, row } from "./client_world.js";

const PERIOD = 2 * SAFETY_MS; // at least one safety poll

/** A client that is connected and knows that it is up to date. */
function settled(answer) {
  const world = client({ answer });
  world.socket.emit("head", { timestamp: 10 });
  return world;
}

const reports = (http) => http.urls.map((url) => /missed=(.*)/.exec(url)?.[1]).filter(Boolean);

describe("what a poll brings instead of a push", () => {
  test("is reported once, with the next poll", async () => {
    const { http, clock } = settled(() => [200, [row(12, 5)]]);
    await clock.advance(2 * PERIOD);
    assert.deepEqual(reports(http), ["1"]);
  });

  test("is reported if the head of the sweep led to it", async () => {
    const { socket, http, clock } = settled(() => [200, [row(12, 5)]]);
    socket.emit("head", { timestamp: 12 });
    await clock.advance(PERIOD);
    assert.deepEqual(reports(http), ["1"]);
  });

  test("is no miss if the push was only late", async () => {
    const { socket, http, clock } = settled(() => [200, [row(12, 5)]]);
    socket.emit("head", { timestamp: 12 });
    await clock.advance(200);
    socket.emit(UNREAD, push(12, 10, 5));
    await clock.advance(PERIOD);
    assert.deepEqual(reports(http), []);
  });

  test("is reported again if the poll that said so failed", async () => {
    const answers = [() => [200, [row(12, 5)]], fails];
    const { http, clock } = settled(() => (answers.shift() ?? (() => [200, [row(12, 5)]]))());
    await clock.advance(2 * PERIOD);
    assert.deepEqual(reports(http), ["1", "1"]);
  });

  test("is no miss without a socket", async () => {
    const { http, clock } = client({ connected: false, answer: () => [200, [row(12, 5)]] });
    await clock.advance(PERIOD);
    assert.deepEqual(reports(http), []);
  });

  test("is no miss if it happened before the socket was there", async () => {
    const { socket, http, clock } = client({ answer: () => [200, [row(12, 5)]] });
    socket.emit("head", { timestamp: 12 });
    await clock.advance(PERIOD);
    assert.deepEqual(reports(http), []);
  });

  test("is no miss if an older database brought it", async () => {
    const { socket, http, clock } = settled(() => [200, [row(5, 1)]]);
    socket.emit("head", { timestamp: 5 });
    await clock.advance(PERIOD);
    assert.deepEqual(reports(http), []);
  });
});

test("a push that arrives is never reported", async () => {
  const { socket, http, clock } = settled(() => [200, [row(11, 4)]]);
  socket.emit(UNREAD, push(11, 10, 4));
  await clock.advance(PERIOD);
  assert.deepEqual(reports(http), []);
});

test("a miss after a reconnect counts again once the new socket is caught up", async () => {
  let answer = [row(10, 3)];
  const { socket, http, clock } = settled(() => [200, answer]);
  socket.drop();
  await clock.advance(10_000);
  socket.accept();
  socket.emit("head", { timestamp: 10 });
  answer = [row(12, 5)];
  await clock.advance(2 * PERIOD);
  assert.deepEqual(reports(http), ["1"]);
});
