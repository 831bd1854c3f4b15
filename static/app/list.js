/** Bringing a list on the page to the state of a newer rendering of it. */

const sameState = (a, b) => a.className.replace(" arrived", "") === b.className;

/** What stays as it is keeps its focus, selection and open parts; only its time moves on. */
function refreshTime(row, fresh) {
  const [shown, now] = [row.querySelector("time"), fresh.querySelector("time")];
  if (shown && now && shown.textContent !== now.textContent) shown.textContent = now.textContent;
}

function take(row, fresh) {
  if (!row) {
    fresh.classList.add("arrived");
    return fresh;
  }
  if (sameState(row, fresh)) {
    refreshTime(row, fresh);
    return row;
  }
  const [was, is] = [row.querySelector("details"), fresh.querySelector("details")];
  if (was && is) is.open = was.open;
  row.replaceWith(fresh);
  return fresh;
}

/**
 * Give `list` the rows of `fresh`, another element of the same rendering, in their order.
 * Rows are known by their ids; a row whose class is the same is not touched.
 */
export function merge(list, fresh) {
  const rows = new Map([...list.children].map((row) => [row.id, row]));
  let next = list.firstElementChild;
  for (const wanted of [...fresh.children]) {
    const replaced = rows.get(wanted.id);
    const row = take(replaced, wanted);
    if (next === replaced) next = row;
    if (row === next) next = next.nextElementSibling;
    else list.insertBefore(row, next);
    rows.delete(wanted.id);
  }
  for (const gone of rows.values()) gone.remove();
}
