// A notification service as one would write it with Socket.IO: workers on one port, the sharded
// Redis adapter between them, PostgreSQL behind them.

import cluster from "node:cluster";
import { createServer } from "node:http";

import { createShardedAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

import { handler } from "./http.js";
import { userOf } from "./tokens.js";

const room = (user) => `user:${user}`;

async function work() {
  const publisher = createClient({ url: process.env.REDIS_URL });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const push = (user, name, data, timestamp) =>
    io.to(room(user)).emit(name, { name, data, timestamp });
  const server = createServer({ keepAliveTimeout: 75_000 }, handler(push));
  const io = new Server(server, {
    adapter: createShardedAdapter(publisher, subscriber),
    transports: ["websocket"],
    perMessageDeflate: false,
    serveClient: false,
    pingInterval: Number(process.env.PING_INTERVAL) * 1000,
  });
  io.use((socket, next) => {
    const user = userOf(String(socket.handshake.auth.token));
    if (user === null) return next(new Error("unauthorized"));
    socket.data.user = user;
    return next();
  });
  io.on("connection", (socket) => socket.join(room(socket.data.user)));
  const address = [Number(process.env.PORT), process.env.HOST, 4096];
  server.listen(...address, () => console.log("ready"));
}

if (cluster.isPrimary) {
  const workers = Number(process.env.WEB_CONCURRENCY);
  for (let number = 0; number < workers; number++) cluster.fork();
  let stopping = false;
  process.on("SIGTERM", () => {
    stopping = true;
    for (const worker of Object.values(cluster.workers)) worker.kill();
  });
  cluster.on("exit", () => stopping || cluster.fork());
} else {
  await work();
}
