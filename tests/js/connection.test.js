import { strict as assert } from "node:assert";
import { test } from "node:test";

import { Connection } from "../../static/notifier/connection.js";
import { CONNECT_TIMEOUT_MS, STABLE_MS } from "../../static/notifier/timing.js";
import { FakeClock, FakeSocket } from "./fakes.js";

function connection() {
  const parts = { clock: new FakeClock(), socket: new FakeSocket(), warnings: [], changes: [] };
  const connection = new Connection({
    ...parts,
    random: () => 0.5,
    onChange: () => parts.changes.push(connection.connected),
    onEvent: () => {},
    warn: (text) => parts.warnings.push(text),
  });
  connection.open();
  return { connection, ...parts };
}

test("a lost socket is opened again after half a second", async () => {
  const { clock, socket } = connection();
  socket.accept();
  socket.drop();
  await clock.advance(499);
  assert.equal(socket.attempts, 1);
  await clock.advance(1);
  assert.equal(socket.attempts, 2);
});

test("a socket that the server closed is opened again, as no socket.io-client does", async () => {
  const { clock, socket } = connection();
  socket.accept();
  socket.drop("io server disconnect");
  await clock.advance(500);
  assert.equal(socket.attempts, 2);
});

test("attempts in vain get rarer, to one in three seconds", async () => {
  const { clock, socket } = connection();
  const times = [];
  socket.connect = () => {
    times.push(clock.time);
    socket.refuse();
  };
  socket.refuse();
  await clock.advance(20_000);
  assert.deepEqual(times, [500, 1_500, 3_500, 6_500, 9_500, 12_500, 15_500, 18_500]);
});

test("a server that accepts and closes at once is not hammered", async () => {
  const { clock, socket } = connection();
  for (const delay of [500, 1_000, 2_000]) {
    socket.accept();
    socket.drop();
    await clock.advance(delay);
  }
  assert.equal(socket.attempts, 4);
});

test("after a connection that lasted the delays start over", async () => {
  const { clock, socket } = connection();
  for (let count = 0; count < 3; count += 1) {
    socket.accept();
    await clock.advance(STABLE_MS);
    socket.drop();
    await clock.advance(500);
  }
  assert.equal(socket.attempts, 4);
});

for (const code of ["unauthorized", "expired", "revoked"]) {
  test(`a socket refused as ${code} is tried again after a minute, with a warning`, async () => {
    const { clock, socket, warnings } = connection();
    socket.refuse(code);
    await clock.advance(59_999);
    assert.equal(socket.attempts, 1);
    await clock.advance(1);
    assert.equal(socket.attempts, 2);
    assert.match(warnings[0], new RegExp(code));
  });
}

for (const code of ["too_many", "unavailable"]) {
  test(`a socket refused as ${code} is tried again with growing delays`, async () => {
    const { clock, socket } = connection();
    for (const delay of [2_000, 4_000, 8_000]) {
      socket.refuse(code);
      await clock.advance(delay);
    }
    assert.equal(socket.attempts, 4);
  });
}

test("an error and an end for the same loss make one attempt", async () => {
  const { clock, socket } = connection();
  socket.refuse();
  socket.drop("transport error");
  await clock.advance(900);
  assert.equal(socket.attempts, 2);
});

test("a socket that is never let in is given up and tried again", async () => {
  const { clock, socket } = connection();
  await clock.advance(CONNECT_TIMEOUT_MS);
  assert.equal(socket.disconnects, 1);
  await clock.advance(500);
  assert.equal(socket.attempts, 2);
});

test("to open it during an attempt makes no second one", () => {
  const { connection: it, socket } = connection();
  it.open();
  assert.equal(socket.attempts, 1);
});

test("to open it while it waits makes the attempt now, and only one", async () => {
  const { connection: it, clock, socket } = connection();
  socket.refuse("revoked");
  it.open();
  socket.accept();
  await clock.advance(600_000);
  assert.equal(socket.attempts, 2);
});

test("closed it stays closed, whatever the socket reports", async () => {
  const { connection: it, clock, socket } = connection();
  socket.accept();
  it.close();
  socket.drop("io client disconnect");
  await clock.advance(600_000);
  assert.equal(socket.attempts, 1);
  assert.equal(clock.timers.size, 0);
});

test("its owner hears of every change", () => {
  const { changes, socket } = connection();
  socket.accept();
  socket.drop();
  assert.deepEqual(changes, [true, false]);
});
