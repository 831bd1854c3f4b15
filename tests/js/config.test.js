import { strict as assert } from "node:assert";
import { test } from "node:test";

import { configFrom, socketOptions } from "../../static/notifier/config.js";
import { UNREAD } from "../../static/notifier/rule.js";
import { FakeElement } from "./fakes.js";

const badge = (attributes) => new FakeElement(attributes);

test("a badge tells where the server is", () => {
  const config = configFrom([
    badge({ pollUrl: "/p", readUrl: "/r", socketPath: "/s", namespace: "/n" }),
  ]);
  assert.deepEqual(
    [config.pollUrl, config.readUrl, config.socketPath, config.namespace],
    ["/p", "/r", "/s", "/n"],
  );
});

test("a bare badge means the defaults", () => {
  assert.deepEqual(configFrom([badge()]), {
    since: 0,
    shown: [{ name: UNREAD, data: 0, timestamp: 0 }],
    pollUrl: "/notifications",
    readUrl: "/api/v1/messages/read",
    socketPath: "/socket.io",
    namespace: "/",
    transports: ["websocket"],
  });
});

test("the cursor keeps every microsecond", () => {
  assert.equal(configFrom([badge({ since: "1682479141.596086" })]).since, 1682479141.596086);
});

test("a cursor that makes no sense asks for everything", () => {
  for (const since of ["", "soon", "-1", "NaN"]) {
    assert.equal(configFrom([badge({ since })]).since, 0, since);
  }
});

test("of badges rendered at different times the earliest counts", () => {
  const older = badge({ since: "10", text: "3" });
  const newer = badge({ since: "12", text: "4" });
  for (const badges of [[older, newer], [newer, older]]) {
    const { since, shown } = configFrom(badges);
    assert.equal(since, 10);
    assert.deepEqual(new Map(shown.map((it) => [it.name, it])).get(UNREAD).data, 3);
  }
});

test("a text that is no number is a value too", () => {
  const [shown] = configFrom([badge({ name: "order_status", text: " shipped " })]).shown;
  assert.deepEqual([shown.name, shown.data], ["order_status", "shipped"]);
});

test("transports may be several", () => {
  assert.deepEqual(configFrom([badge({ transports: "polling,websocket" })]).transports, [
    "polling",
    "websocket",
  ]);
});

test("the socket neither connects nor reconnects nor is shared by itself", () => {
  assert.deepEqual(socketOptions({ socketPath: "/s", transports: ["websocket"] }), {
    path: "/s",
    transports: ["websocket"],
    reconnection: false,
    autoConnect: false,
    multiplex: false,
  });
});
