// Elements without HTML: values become text, never markup, so that no name can be read as a tag.

export const byId = id => document.getElementById(id);

/** An element: el("td.sum", {title: "..."}, "text", child). Keys that begin with "on" are listeners. */
export function el(kind, properties = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const made = document.createElement(tag || "div");
  if (classes.length) made.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter(child => child != null));
  return made;
}

/** Writing costs the browser a layout, reading does not: only what has changed is written. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setClass(node, name) {
  if (node.className !== name) node.className = name;
}

/** A table of text cells (or nodes). Rows are replaced as a whole: for tables that change a few times a second at most. */
export function table(heads, rows, caption) {
  const cell = (value, at) => el("td", {"data-head": heads[at]}, value ?? "–");
  return el(
    "div.scroll",
    {},
    el(
      "table",
      {},
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, ...heads.map(head => el("th", {scope: "col"}, head)))),
      el("tbody", {}, ...rows.map(row => el("tr", {}, ...row.map(cell)))),
    ),
  );
}

const TOLD_MS = 10_000,
  ends = new WeakMap();

/** Say what came of something, or why it did not. Good news of a node that is `data-passing` goes when it is old. */
export function tell(node, text, isBad = false) {
  setText(node, text);
  node.classList.toggle("bad", isBad);
  clearTimeout(ends.get(node));
  const forget = () => setText(node, "");
  if (text && !isBad && "passing" in node.dataset) ends.set(node, setTimeout(forget, TOLD_MS));
}
