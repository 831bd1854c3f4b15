// User tokens: base64url of [user, expiry], a dot, and its HMAC-SHA256.

import { createHmac, timingSafeEqual } from "node:crypto";

const key = process.env.SECRET_KEY;

export function userOf(token) {
  const dot = token.indexOf(".");
  const payload = token.slice(0, dot);
  const given = Buffer.from(token.slice(dot + 1), "base64url");
  const right = createHmac("sha256", key).update(payload).digest();
  if (dot < 1 || given.length !== right.length || !timingSafeEqual(given, right)) return null;
  const [user, expires] = JSON.parse(Buffer.from(payload, "base64url").toString());
  return expires * 1000 > Date.now() ? user : null;
}
