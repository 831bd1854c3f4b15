// The HTTP side, on Node's own server: a framework would only add to it.

import { send, sendMany, since } from "./database.js";
import { userOf } from "./tokens.js";

const LARGEST_BODY = 2 * 1024 * 1024;
const LARGEST_MESSAGE = 4000;

class Problem extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export function handler(push) {
  const routes = {
    "POST /api/v1/messages": async (request) => {
      const from = caller(request);
      const { to, body } = await json(request);
      check(typeof body === "string" && body && body.length <= LARGEST_MESSAGE, "body");
      check(Array.isArray(to) ? to.every(isUser) : isUser(to), "to");
      const rows = await (Array.isArray(to) ? sendMany : send)(to, from, body);
      const sent = [];
      for (const { id, user_id: user, unread, clock } of rows) {
        const timestamp = Number(clock) / 1e6;
        push(user, "unread_message_count", unread, timestamp);
        sent.push({ id: Number(id), to: user, timestamp });
      }
      return [201, { messages: sent }];
    },
    "GET /notifications": async (request, query) => {
      const user = caller(request);
      const asked = Number(query.get("since") ?? 0);
      check(asked >= 0 && asked < 1e11, "since");
      return [200, await since(user, Math.round(asked * 1e6))];
    },
    "POST /bench/push": async (request) => [200, await pushes(push, await json(request))],
    "GET /healthz": async () => [200, { status: "ok" }],
  };
  return async (request, response) => {
    try {
      const [path, query] = request.url.split("?", 2);
      const route = routes[`${request.method} ${path}`];
      if (!route) throw new Problem(404, "no such path");
      answer(response, ...(await route(request, new URLSearchParams(query))));
    } catch (error) {
      if (!(error instanceof Problem)) console.error(error);
      answer(response, error.status ?? 500, { error: error.status ? error.message : "failed" });
    }
  };
}

function answer(response, status, content) {
  const text = JSON.stringify(content);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
  });
  response.end(text);
}

function caller(request) {
  const header = request.headers.authorization ?? "";
  const user = header.startsWith("Bearer ") ? userOf(header.slice(7)) : null;
  if (user === null) throw new Problem(401, "send a user token");
  return user;
}

function isUser(value) {
  return typeof value === "string" && value.length > 0 && value.length <= 64;
}

function check(good, field) {
  if (!good) throw new Problem(422, `${field} cannot be used`);
}

async function json(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > LARGEST_BODY) throw new Problem(413, "too large");
    parts.push(part);
  }
  try {
    return JSON.parse(parts.length === 1 ? parts[0] : Buffer.concat(parts));
  } catch {
    throw new Problem(400, "send JSON");
  }
}

// Emits without the database, to one of `users` at a time, `rate` a second.
async function pushes(push, { count, first, users, rate }) {
  const began = performance.now();
  for (let number = 0; number < count; number++) {
    const user = `u${String(((first + number) * 7919) % users).padStart(6, "0")}`;
    push(user, "unread_message_count", number, Date.now() / 1000);
    const ahead = ((number + 1) / rate) * 1000 - (performance.now() - began);
    if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
  }
  return { count };
}
