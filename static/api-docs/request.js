/** From what was filled in to a request, and to the same request for a shell. Pure. */

/**
 * @param {{path: string, method: string, body: object|null, parameters: object[]}} operation
 * @param {{base: string, values: Map<string, string>, body: string, credential: string}} filled
 * @returns {{url: string, method: string, headers: Object<string, string>, body?: string}}
 */
export function requestOf(operation, { base, values, body, credential }) {
  const given = operation.parameters.filter(({ name }) => (values.get(name) ?? "") !== "");
  const part = (place) =>
    given.filter((one) => one.in === place).map(({ name }) => [name, values.get(name)]);
  const query = new URLSearchParams(part("query")).toString();
  const headers = Object.fromEntries(part("header"));
  if (credential) headers.Authorization = `Bearer ${credential}`;
  if (operation.body) headers["Content-Type"] = operation.body.type;
  return {
    url: base.replace(/\/$/, "") + operation.path + (query && `?${query}`),
    method: operation.method,
    headers,
    ...(operation.body && { body }),
  };
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** A curl command for the request, with `$KEY` in place of the credential. */
export function curl({ url, method, headers, body }, origin) {
  const words = ["curl"];
  if (method !== "GET") words.push("-X", method);
  words.push(quoted(origin + url));
  for (const [name, value] of Object.entries(headers)) {
    const shown = name === "Authorization" ? `"Authorization: Bearer $KEY"` : null;
    words.push("-H", shown ?? quoted(`${name}: ${value}`));
  }
  if (body !== undefined) words.push("--data-raw", quoted(body));
  return words.join(" ");
}

/** A body as people read it: JSON with line breaks, anything else as it is. */
export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
