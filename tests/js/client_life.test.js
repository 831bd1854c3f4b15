import { strict as assert } from "node:assert";
import { describe, test } from "node:test";

import { UNREAD } from "../../static/notifier/rule.js";
import { PATIENCE_MS } from "../../static/notifier/timing.js";
import { client, fails, push, row } from "./client_world.js";

describe("polling", () => {
  test("brings values while there is no socket", async () => {
    const { view, clock } = client({ connected: false, answer: () => [200, [row(11, 4)]] });
    await clock.advance(11_000);
    assert.equal(view.values[UNREAD], 4);
  });

  test("goes on although the socket is refused", async () => {
    const { socket, http, clock } = client({ connected: false });
    socket.refuse("revoked");
    await clock.advance(34_000);
    assert.equal(http.calls.length, 3);
  });

  test("follows the Poll-Interval of the server", async () => {
    const answer = () => [200, [], { "Poll-Interval": "2" }];
    const { http, clock } = client({ connected: false, answer });
    await clock.advance(11_000 + 4 * 2_200);
    assert.equal(http.calls.length, 5);
  });

  test("is a full one each minute while there is a socket", async () => {
    const { http, clock } = client();
    await clock.advance(66_000);
    assert.deepEqual(http.asked, [0]);
  });
});

describe("waking up", () => {
  test("fetches everything once, however many events say so", async () => {
    const { page, http, clock } = client();
    page.hide();
    page.reveal();
    page.wake();
    page.wake();
    await clock.advance(1_000);
    assert.deepEqual(http.asked, [0]);
  });

  test("tries at once although failures asked for patience", async () => {
    const { page, http, clock } = client({ connected: false, answer: fails });
    await clock.advance(60_000);
    const before = http.calls.length;
    page.wake();
    await clock.advance(250);
    assert.equal(http.calls.length, before + 1);
  });

  test("opens a socket that was waiting for its turn", async () => {
    const { page, socket, clock } = client({ connected: false });
    socket.refuse("unavailable");
    page.wake();
    await clock.advance(250);
    assert.equal(socket.attempts, 2);
  });

  test("and hidden again at once leaves the poll to the schedule", async () => {
    const { page, http, clock } = client();
    page.reveal();
    page.hide();
    await clock.advance(250);
    assert.deepEqual(http.calls, []);
  });

  test("in a hidden tab opens the socket only", async () => {
    const { page, socket, http, clock } = client();
    page.hide();
    socket.drop();
    page.wake();
    await clock.advance(250);
    assert.equal(socket.attempts, 2);
    assert.deepEqual(http.calls, []);
  });

  test("from the back/forward cache opens the socket that leaving closed", async () => {
    const { page, socket, http, clock } = client();
    page.leave();
    assert.equal(socket.disconnects, 1);
    page.wake();
    await clock.advance(250);
    assert.equal(socket.attempts, 2);
    assert.deepEqual(http.asked, [0]);
  });
});

describe("the status", () => {
  test("is live with a socket and polling without", () => {
    const { socket, view } = client();
    socket.drop();
    assert.deepEqual(view.statuses, ["live", "polling"]);
  });

  test("is not claimed before anything is known, unless that takes long", async () => {
    const { view, clock } = client({ connected: false });
    assert.deepEqual(view.statuses, []);
    await clock.advance(PATIENCE_MS);
    assert.deepEqual(view.statuses, ["polling"]);
  });

  test("is offline without a socket when polls fail too, until one succeeds", async () => {
    const { socket, view, http, clock } = client({ answer: fails });
    socket.drop();
    await clock.advance(11_000);
    http.answer = () => [200, []];
    await clock.advance(10_000);
    assert.deepEqual(view.statuses, ["live", "polling", "offline", "polling"]);
  });

  test("stays live when a request fails but the socket holds", async () => {
    const { view, clock } = client({ answer: fails });
    await clock.advance(70_000);
    assert.deepEqual(view.statuses, ["live"]);
  });
});

describe("mark read", () => {
  test("posts the stamp as JSON and shows the answer", async () => {
    const { it, view, http } = client({ answer: () => [200, { unread: 0, timestamp: 12 }] });
    await it.markRead(11.5);
    const [{ url, options }] = http.calls;
    assert.deepEqual([url, options.method, options.body], ["/read", "POST", '{"up_to":11.5}']);
    assert.equal(options.headers["Content-Type"], "application/json");
    assert.equal(view.values[UNREAD], 0);
  });

  test("never shows an answer that is older than a push", async () => {
    const { it, socket, view } = client({ answer: () => [200, { unread: 0, timestamp: 11 }] });
    socket.emit(UNREAD, push(12, 11, 1));
    await it.markRead(10);
    assert.equal(view.values[UNREAD], 1);
  });

  test("rejects when it was not done, and goes on", async () => {
    const { it, view } = client({ answer: fails });
    await assert.rejects(it.markRead(11), /503/);
    assert.equal(view.statuses.at(-1), "live");
  });

  test("rejects a nonsense answer", async () => {
    const { it } = client({ answer: () => [200, { unread: "none" }] });
    await assert.rejects(it.markRead(11), TypeError);
  });

  test("answered 401 ends everything", async () => {
    const { it, clock } = client({ answer: () => [401, {}] });
    await assert.rejects(it.markRead(11), /401/);
    assert.equal(clock.timers.size, 0);
  });
});

describe("stopping", () => {
  test("leaves no timer, no listener, no socket and no request", async () => {
    const { it, page, socket, http, view, clock } = client();
    http.answer = null;
    socket.emit("head", { timestamp: 12 });
    await clock.advance(100);
    it.stop();
    await clock.advance(600_000);
    assert.equal(http.calls[0].options.signal.aborted, true);
    assert.deepEqual([http.calls.length, clock.timers.size, socket.disconnects], [1, 0, 1]);
    assert.deepEqual([page.unlistened, view.statuses.at(-1)], [true, "offline"]);
  });

  test("twice is once", () => {
    const { it, socket } = client();
    it.stop();
    it.stop();
    assert.equal(socket.disconnects, 1);
  });

  test("ignores what still arrives", async () => {
    const { it, socket, view } = client();
    it.stop();
    socket.emit(UNREAD, push(11, 10, 4));
    socket.drop();
    assert.deepEqual([view.values, view.statuses.at(-1)], [{}, "offline"]);
  });

  test("ignores the answer to a mark-read under way", async () => {
    const { it, view } = client({ answer: () => [200, { unread: 0, timestamp: 12 }] });
    const marked = it.markRead(11);
    it.stop();
    await marked.catch(() => {});
    assert.deepEqual(view.values, {});
  });
});
