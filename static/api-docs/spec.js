/** Reads an OpenAPI document: what there is to show and to fill in. Pure. */

const METHODS = ["get", "post", "put", "patch", "delete"];

/** What a reference points to, or the value itself. */
export function resolve(document, value) {
  const path = value?.$ref;
  if (typeof path !== "string") return value;
  const steps = path.replace(/^#\//, "").split("/");
  return resolve(document, steps.reduce((place, step) => place?.[step], document));
}

/** The same value with every reference in it replaced; no schema of ours contains itself. */
export function expanded(document, value) {
  const plain = resolve(document, value);
  if (Array.isArray(plain)) return plain.map((one) => expanded(document, one));
  if (plain === null || typeof plain !== "object") return plain;
  return Object.fromEntries(
    Object.entries(plain).map(([key, one]) => [key, expanded(document, one)]),
  );
}

function bodyOf(document, { requestBody }) {
  const [[type, media] = []] = Object.entries(resolve(document, requestBody)?.content ?? {});
  if (type === undefined) return null;
  const [example] = Object.values(media.examples ?? {});
  return { type, schema: expanded(document, media.schema), example: example?.value };
}

function answersOf(document, { responses }) {
  return Object.entries(responses).map(([status, response]) => {
    const { description, content } = resolve(document, response);
    return { status, description, type: Object.keys(content ?? {})[0] ?? "" };
  });
}

/** Every operation, by tag in the document's order: `[{tag, description, operations}]`. */
export function chapters(document) {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => method in item).map((method) => ({
      path,
      method: method.toUpperCase(),
      id: item[method].operationId,
      tag: item[method].tags?.[0] ?? "",
      summary: item[method].summary ?? "",
      description: item[method].description ?? "",
      callers: (item[method].security ?? []).flatMap((scheme) => Object.keys(scheme)),
      parameters: (item[method].parameters ?? []).map((one) => resolve(document, one)),
      body: bodyOf(document, item[method]),
      answers: answersOf(document, item[method]),
    })),
  );
  return (document.tags ?? []).map(({ name, description }) => ({
    tag: name,
    description,
    operations: operations.filter(({ tag }) => tag === name),
  }));
}
