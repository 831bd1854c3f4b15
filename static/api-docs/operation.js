import { element, field, prose } from "./elements.js";
import { curl, pretty, requestOf } from "./request.js";

// Of an answer's headers, those that say something here.
const TELLING = ["Retry-After", "Idempotency-Replayed", "Poll-Interval", "WWW-Authenticate"];

const CALLERS = {
  session: "the session of this browser",
  userToken: "a user token",
  apiKey: "an API key",
  metricsToken: "the metrics token",
};

function answers(operation) {
  const rows = operation.answers.map(({ status, description, type }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, status),
      element("td", {}, ...prose(description)),
      element("td", { className: "type" }, type),
    ),
  );
  return element(
    "table",
    {},
    element("caption", {}, "Answers"),
    element("tbody", {}, ...rows),
  );
}

function schema({ schema }) {
  return element(
    "details",
    { className: "schema" },
    element("summary", {}, "Schema of the body"),
    element("pre", { tabIndex: 0 }, JSON.stringify(schema, null, 2)),
  );
}

function callers(operation) {
  if (operation.callers.length === 0) return null;
  const names = operation.callers.map((name) => CALLERS[name] ?? name);
  return element("p", { className: "hint" }, `With ${names.join(", or ")}.`);
}

/** What is filled in: the controls, and a function that reads them. */
function form(operation) {
  const inputs = operation.parameters.map((parameter) => [
    parameter,
    element("input", { type: "text", autocomplete: "off", spellcheck: false }),
  ]);
  const text = JSON.stringify(operation.body?.example ?? {}, null, 2);
  const body = element("textarea", { rows: text.split("\n").length, spellcheck: false });
  body.value = text;
  const controls = inputs.map(([{ name, in: place, description }, input]) =>
    field(place === "header" ? `${name} (header)` : name, input, description),
  );
  if (operation.body) controls.push(field("Body", body), schema(operation.body));
  const read = () => ({
    values: new Map(inputs.map(([{ name }, input]) => [name, input.value])),
    body: body.value,
  });
  return { controls, read };
}

const told = (name, value) => element("p", { className: "hint" }, `${name}: ${value}`);

async function shown(request, output) {
  const began = performance.now();
  try {
    const { url, ...options } = request;
    const answer = await fetch(url, { ...options, credentials: "same-origin", cache: "no-store" });
    const text = await answer.text();
    const took = Math.round(performance.now() - began);
    const headers = TELLING.filter((name) => answer.headers.has(name));
    output.replaceChildren(
      element(
        "p",
        { className: answer.ok ? "status good" : "status bad" },
        `${answer.status} ${answer.statusText} · ${took} ms`,
      ),
      ...headers.map((name) => told(name, answer.headers.get(name))),
      element("pre", { tabIndex: 0 }, pretty(text) || "(empty)"),
    );
  } catch (error) {
    output.replaceChildren(
      element("p", { className: "status bad" }, `Nothing was sent or answered: ${error.message}`),
    );
  }
}

/** One operation, closed: to read, to fill in and to send. */
export function card(operation, { base, credential }) {
  const { controls, read } = form(operation);
  const output = element("div", { className: "answer", role: "status" });
  const command = element("pre", { className: "curl", tabIndex: 0 });
  const request = () => requestOf(operation, { base, credential: credential(), ...read() });
  const rewrite = () => (command.textContent = curl(request(), location.origin));
  const send = element("button", { type: "submit" }, "Send");
  const filled = element("form", { noValidate: true }, ...controls, command, send);
  filled.addEventListener("input", rewrite);
  filled.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    await shown(request(), output);
    send.disabled = false;
  });
  const made = element(
    "details",
    { className: "operation", id: operation.id },
    element(
      "summary",
      {},
      element("span", { className: `method ${operation.method.toLowerCase()}` }, operation.method),
      element("code", {}, operation.path),
      element("span", { className: "what" }, operation.summary),
    ),
    element(
      "div",
      { className: "inside" },
      operation.description ? element("p", {}, ...prose(operation.description)) : null,
      callers(operation),
      filled,
      output,
      answers(operation),
    ),
  );
  made.addEventListener("toggle", rewrite);
  return made;
}
