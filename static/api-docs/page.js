/** The page of the API: its operations, read from the OpenAPI document, each to be tried out. */

import { element, field } from "./elements.js";
import { card } from "./operation.js";
import { chapters } from "./spec.js";

const main = document.querySelector("main");
const address = document.body.dataset.openapi;

function chapter({ tag, description, operations }, context) {
  return element(
    "section",
    {},
    element("h2", {}, tag[0].toUpperCase() + tag.slice(1)),
    element("p", { className: "lead" }, description),
    ...operations.map((operation) => card(operation, context)),
  );
}

function show(api) {
  const secret = element("input", { type: "password", autocomplete: "off", spellcheck: false });
  const base = api.servers?.[0]?.url ?? "";
  const context = { base, credential: () => secret.value.trim() };
  const keyField = field(
    "API key or token",
    secret,
    "Kept in this page only, until it is closed. Without one, the session of this browser counts.",
  );
  main.replaceChildren(
    element("h1", {}, "HTTP API"),
    element("p", { className: "lead" }, api.info.description),
    element("p", {}, element("a", { href: address }, "OpenAPI document")),
    keyField,
    ...chapters(api).map((one) => chapter(one, context)),
  );
}

try {
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  show(await answer.json());
} catch (error) {
  const text = `The description of the API could not be read: ${error.message}`;
  main.replaceChildren(element("p", { role: "alert" }, text));
}
