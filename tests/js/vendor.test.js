import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const vendor = new URL("../../static/vendor/", import.meta.url);

test("the Socket.IO client is the published file that the README names", async () => {
  const file = await readFile(new URL("socket.io.esm.min.js", vendor));
  const readme = await readFile(new URL("README.md", vendor), "utf8");
  const [, version] = String(file).match(/Socket\.IO v([\d.]+)/);
  assert.match(readme, new RegExp(`socket.io-client\` ${version},`));
  assert.match(readme, new RegExp(`sha256 ${createHash("sha256").update(file).digest("hex")}`));
});

test("its licence stands beside it", async () => {
  assert.match(await readFile(new URL("socket.io.LICENSE", vendor), "utf8"), /MIT License/);
});
