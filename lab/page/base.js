// What all pages share: nodes, numbers, tables that are sorted, light and dark. Names reach a page as text alone. Colours are those of the
// style sheet, so that light, dark and paper need nothing else.
"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const INK = "var(--ink)", SOFT = "var(--soft)", MID = "var(--mid)", PALE = "var(--pale)", ACCENT = "var(--accent)";

function make(name, attributes = {}, parent = null, text = null) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== null) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}
function element(name, className, parent, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}

// -- numbers --

const MINUS = "−";
const sign = text => text.replace("-", MINUS);
function price(value) {
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 1 ? 2 : 5;
  return sign(value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
}
function short(value) {
  const size = Math.abs(value);
  const [factor, letter] = size >= 1e9 ? [1e9, " bn"] : size >= 1e6 ? [1e6, " M"] : size >= 1e3 ? [1e3, " k"] : [1, ""];
  return sign(String(Number((value / factor).toPrecision(3)))) + letter;
}
function clock(seconds) {
  const whole = Math.round(seconds), rest = String(whole % 60).padStart(2, "0");
  return `${Math.floor(whole / 60)}:${rest}`;
}
function ticks(low, high, count) {
  if (!(high > low)) return [low];
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(one => one * power).find(one => one >= raw);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) found.push(i * step);
  return found;
}
function timeTicks(end, count) {
  const step = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400].find(one => end / one <= count) ?? end;
  const found = [];
  for (let at = 0; at <= end + 1e-9; at += step) found.push(at);
  return found;
}

// -- tables --

function sortBy(button) {
  const head = button.closest("th"), table = head.closest("table"), column = [...head.parentNode.children].indexOf(head);
  const isDown = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
  const value = row => row.children[column].dataset.value ?? "";
  const order = (a, b) => {
    const [one, two] = [value(a), value(b)];
    if (one === "" || two === "") return (one === "") - (two === "");   // what is not defined comes last either way
    return (isDown ? -1 : 1) * (column ? Number(one) - Number(two) : one.localeCompare(two));
  };
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(order));
}
for (const button of document.querySelectorAll("table.ranked thead button")) button.addEventListener("click", () => sortBy(button));

// -- light and dark --

const theme = document.getElementById("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const now = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
});
