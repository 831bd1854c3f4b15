import { Client } from "../../static/notifier/client.js";
import { UNREAD } from "../../static/notifier/rule.js";
import { FakeClock, FakeFetch, FakePage, FakeSocket, FakeView } from "./fakes.js";

export const row = (timestamp, data, name = UNREAD) => ({ name, data, timestamp });
export const push = (timestamp, previous, data) => ({ ...row(timestamp, data), previous });

/** An HTTP server that is down. */
export const fails = () => [503, {}];

/** A started client and all that it touches; its page came with 3 unread messages at `since`. */
export function client({ answer, connected = true, since = 10 } = {}) {
  const world = {
    clock: new FakeClock(),
    socket: new FakeSocket(),
    page: new FakePage(),
    view: new FakeView(),
    http: new FakeFetch(answer),
    warnings: [],
  };
  const config = { since, shown: [row(since, 3)], pollUrl: "/notifications", readUrl: "/read" };
  const it = new Client({
    ...world,
    config,
    fetch: world.http.fetch,
    random: () => 0.5,
    warn: (text) => world.warnings.push(text),
  });
  it.start();
  if (connected) world.socket.accept();
  return { it, ...world };
}
