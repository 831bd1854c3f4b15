import { strict as assert } from "node:assert";
import { test } from "node:test";

import { curl, pretty, requestOf } from "../../static/api-docs/request.js";
import { chapters, expanded, resolve } from "../../static/api-docs/spec.js";

const DOCUMENT = {
  tags: [{ name: "inbox", description: "Mine." }, { name: "empty", description: "" }],
  paths: {
    "/notes": {
      get: { tags: ["inbox"], operationId: "list", responses: { 200: { description: "All." } } },
      post: {
        tags: ["inbox"],
        operationId: "add",
        security: [{ session: [] }, { apiKey: [] }],
        parameters: [{ name: "page", in: "query" }, { name: "Idempotency-Key", in: "header" }],
        requestBody: {
          content: {
            "application/json": {
              schema: { $ref: "#/components/schemas/Note" },
              examples: { example: { value: { to: "alice" } } },
            },
          },
        },
        responses: { 400: { $ref: "#/components/responses/bad" } },
      },
    },
  },
  components: {
    schemas: {
      User: { type: "string" },
      Note: { properties: { to: { $ref: "#/components/schemas/User" } } },
    },
    responses: { bad: { description: "No.", content: { "application/problem+json": {} } } },
  },
};

const [list, add] = chapters(DOCUMENT)[0].operations;
const filled = (values = {}, more = {}) => ({
  base: "/",
  values: new Map(Object.entries(values)),
  body: "{}",
  credential: "",
  ...more,
});

test("operations stand in the chapter of their tag, in order", () => {
  const sizes = chapters(DOCUMENT).map(({ tag, operations }) => [tag, operations.length]);
  assert.deepEqual(sizes, [["inbox", 2], ["empty", 0]]);
  assert.deepEqual([list.method, list.path, add.method], ["GET", "/notes", "POST"]);
});

test("references are followed, also within schemas", () => {
  assert.equal(resolve(DOCUMENT, { $ref: "#/components/schemas/User" }).type, "string");
  assert.deepEqual(expanded(DOCUMENT, add.body.schema), { properties: { to: { type: "string" } } });
  const refused = { status: "400", description: "No.", type: "application/problem+json" };
  assert.deepEqual(add.answers, [refused]);
});

test("an operation without a body has none", () => {
  assert.equal(list.body, null);
  assert.ok(!("body" in requestOf(list, filled())));
});

test("only what was filled in is sent, each in its place", () => {
  const values = { page: "a b", "Idempotency-Key": "" };
  const request = requestOf(add, filled(values, { base: "/below/" }));
  assert.equal(request.url, "/below/notes?page=a+b");
  assert.deepEqual(request.headers, { "Content-Type": "application/json" });
  assert.equal(request.body, "{}");
});

test("a credential is sent as bearer, and never shown in the command", () => {
  const request = requestOf(add, filled({}, { credential: "nk_secret" }));
  assert.equal(request.headers.Authorization, "Bearer nk_secret");
  const command = curl(request, "http://host");
  assert.ok(!command.includes("nk_secret"));
  assert.ok(command.includes('"Authorization: Bearer $KEY"'));
});

test("a command survives the shell's quotes", () => {
  const command = curl(requestOf(add, filled({}, { body: "it's" })), "http://host");
  assert.ok(command.endsWith(`--data-raw 'it'\\''s'`));
  assert.ok(command.startsWith("curl -X POST 'http://host/notes'"));
});

test("JSON is shown with line breaks, and anything else as it came", () => {
  assert.equal(pretty('{"a":1}'), '{\n  "a": 1\n}');
  assert.equal(pretty("metric 1"), "metric 1");
});
