/** An element with properties and children; text becomes text nodes, so nothing is markup. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Text in which `backticks` enclose code, as text nodes and elements. */
export function prose(text) {
  return text.split("`").map((part, n) => (n % 2 ? element("code", {}, part) : part));
}

let fields = 0;

/** A labelled control, with a line of explanation. */
export function field(label, control, hint = "") {
  control.id = `field-${++fields}`;
  const id = `${control.id}-hint`;
  const explained = hint ? element("p", { className: "hint", id }, ...prose(hint)) : null;
  if (explained) control.setAttribute("aria-describedby", id);
  return element(
    "div",
    { className: "field" },
    element("label", { htmlFor: control.id }, label),
    control,
    explained,
  );
}
