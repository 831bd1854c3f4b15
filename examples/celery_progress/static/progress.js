/** A bar for each notification `task_progress:<id>`, as the `notifier` event tells its value. */
const PREFIX = "task_progress:";
const tasks = document.getElementById("tasks");
const template = document.getElementById("task");

/** The bar of a task; one that was started in another window has none yet. */
function barOf(name) {
  const known = document.getElementById(name);
  if (known) return known;
  const bar = template.content.firstElementChild.cloneNode(true);
  bar.id = name;
  tasks.append(bar);
  return bar;
}

function show(bar, { done, of, error }) {
  Object.assign(bar.querySelector("progress"), { max: of, value: done });
  bar.querySelector("span").textContent = `${done} of ${of}`;
  bar.querySelector("strong").textContent = error;
}

document.addEventListener("notifier", ({ detail: { name, data } }) => {
  if (!name.startsWith(PREFIX)) return;
  if (data === null) document.getElementById(name)?.remove(); // a restored database has it no more
  else show(barOf(name), data);
});
