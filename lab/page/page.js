// The page of a comparison, from the data in it. Names reach it as text alone.
"use strict";

// -- one run --

const charts = {};
const bp = value => `${sign(String(Number(value.toPrecision(3))))} bp`;
const KINDS = [   // name, height, numbers, whether zero is on the axis
  ["price", innerWidth > 700 ? 380 : 300, price, false], ["depth", 190, short, true], ["interest", 190, short, true],
  ["forced", 190, short, true], ["fund", 190, short, true], ["funding", 190, bp, true],
];
for (const [name, ...look] of KINDS) {
  const figure = document.querySelector(`figure[data-chart="${name}"]`);   // none where no funding was charged
  if (figure) charts[name] = new TimeChart(figure, ...look);
}
function counted(noun, drawn, whole) {
  const told = `${whole.toLocaleString("en-US")} ${noun}${whole === 1 ? "" : "s"}`;
  if (drawn.length >= whole) return told;
  return `${told}, at ${drawn.length} moments${drawn.length >= DATA.marked ? " (the largest)" : ""}`;
}
function showRun(name) {
  const run = DATA.courses[name], c = run.course, m = run.minutes;
  const middle = m.t.map(t => t + 30);
  const mark = c ? { t: c.t, v: c.mark } : { t: middle, v: m.mark };
  const marks = c ? [
    { name: counted("liquidation", c.liquidations, c.liquidations_in_all), at: c.liquidations, shape: "triangle", color: ACCENT },
    { name: counted("ADL fill", c.deleveraged, c.deleveragings_in_all), at: c.deleveraged, shape: "diamond", color: INK },
  ] : [];
  charts.price.show({
    lines: [
      { name: "true price, means of minutes", t: middle, v: m.true, color: PALE, width: 4 },
      c ? { name: "oracle", t: c.t, v: c.oracle, color: MID, dash: "5 3", step: true }
        : { name: "last price", t: middle, v: m.last, color: MID, dash: "5 3" },
      { name: "mark", ...mark, color: INK, width: 1.8, step: Boolean(c) },
    ],
    marks: marks.filter(one => one.at.length),
  });
  charts.depth.show({ why: "No depth was seen.", lines: [
    { name: "bids", t: c ? c.t : middle, v: c ? c.bid_depth : m.bid, color: INK },
    { name: "asks", t: c ? c.t : middle, v: c ? c.ask_depth : m.ask, color: MID, dash: "5 3" },
  ] });
  const missing = "It takes the journal of this run, which is not in the folder.";
  const interest = c ? [{ name: "of one side, at the mark", t: c.t, v: c.open_interest, color: INK }] : [];
  charts.interest.show({ why: missing, lines: interest });
  charts.fund.show({ why: c ? "This design has no fund and no vault." : missing, lines: c ? [
    ...(c.fund.some(v => v) ? [{ name: "insurance fund", t: c.t, v: c.fund, color: INK, step: true }] : []),
    ...(c.vault.some(v => v) ? [{ name: "backstop vault, its equity", t: c.t, v: c.vault, color: ACCENT, step: true }] : []),
  ] : [] });
  charts.forced.show({ why: "Nobody was liquidated or deleveraged in this run.", columns: [
    { name: "liquidated", t: m.t, v: m.liquidated, span: 60, part: [.1, .42], color: ACCENT },
    { name: "deleveraged", t: m.t, v: m.deleveraged, span: 60, part: [.52, .36], color: INK, hollow: true },
  ] });
  const paid = { t: run.funding.t.map(t => Math.floor(t / 60) * 60), v: run.funding.bp, span: 60 };
  const funding = [{ name: "paid by longs, of the price", ...paid, color: INK }];
  charts.funding?.show({ why: "No funding was charged in this run.", columns: funding });
  for (const button of document.querySelectorAll("#designs button")) {
    button.setAttribute("aria-pressed", String(button.textContent === name));
  }
  for (const place of document.querySelectorAll(".chosen")) place.textContent = name;
}
const designs = document.getElementById("designs");
for (const name of Object.keys(DATA.courses)) element("button", "", designs, name).addEventListener("click", () => showRun(name));
if (DATA.first) showRun(DATA.first);

// -- all runs: what each seed came to, and the difference to the baseline --

const spread = document.getElementById("spread"), metric = document.getElementById("metric");
DATA.metrics.forEach((one, i) => { const option = element("option", "", metric, `${one.label} [${one.unit}]`); option.value = i; });
function extent(values) {
  let low = Math.min(...values, 0), high = Math.max(...values, 0);
  if (!(high > low)) high = low + 1;
  const room = (high - low) * .05;
  return [low - (low < 0 ? room : 0), high + (high > 0 ? room : 0)];
}
// One picture of rows, a design each: where it begins and ends, its title, and what draws a row.
function panel(svg, place, ends, title, row) {
  const { left, right, top, step, isWide, isNamed } = place, bottom = 24 + step * DATA.venues.length;
  const x = v => left + (v - ends[0]) / (ends[1] - ends[0]) * (right - left), group = make("g", { transform: `translate(0 ${top})` }, svg);
  make("text", { x: left, y: 10 }, group, title);
  for (const at of ticks(ends[0], ends[1], Math.max(2, (right - left) / 90))) {
    make("line", { x1: x(at), x2: x(at), y1: 20, y2: bottom, stroke: "var(--grid)" }, group);
    make("text", { x: x(at), y: bottom + 15, "text-anchor": "middle" }, group, short(at));
  }
  DATA.venues.forEach((name, i) => {
    const y = 24 + step * (i + (isWide ? .5 : .68)), cut = name.length > 34 ? `${name.slice(0, 33)}…` : name;
    if (isNamed) make("text", { x: 0, y: isWide ? y + 4 : y - 13, class: "name" }, group, cut);
    row(group, name, y, x);
  });
  return top + bottom + 24;
}
function drawSpread() {
  const one = DATA.metrics[Number(metric.value) || 0], w = spread.clientWidth, isWide = w > 720, margin = 16;
  spread.replaceChildren();
  if (!one || !w) return;
  const values = DATA.venues.flatMap(name => DATA.runs[name][one.key].filter(v => v !== null));
  if (!values.length) { element("div", "empty", spread, "Not defined in any run."); return; }
  const has = DATA.venues.some(name => DATA.findings[name][one.key].interval), step = isWide ? 34 : 46;
  const label = isWide ? 30 + 7 * Math.min(34, Math.max(...DATA.venues.map(name => name.length))) : margin / 2;
  const half = isWide && has ? label + (w - label) * .52 : w - margin;
  const svg = make("svg", { role: "img", "aria-label": `${one.label}: each run, and differences to ${DATA.baseline}` }, spread);

  const first = { left: label, right: half, top: 0, step, isWide, isNamed: true };
  let height = panel(svg, first, extent(values), `each dot a run, the bar their median [${one.unit}]`, (group, name, y, x) => {
    const runs = DATA.runs[name][one.key].filter(v => v !== null), median = DATA.medians[name][one.key];
    if (!runs.length) return;
    make("line", { x1: x(Math.min(...runs)), x2: x(Math.max(...runs)), y1: y, y2: y, stroke: PALE }, group);
    const fill = name === DATA.baseline ? INK : ACCENT;
    runs.forEach((v, i) => make("circle", { cx: x(v), cy: y + (i % 3 - 1) * 3, r: 3.4, fill, "fill-opacity": .5 }, group));
    if (median !== null) make("line", { x1: x(median), x2: x(median), y1: y - 10, y2: y + 10, stroke: INK, "stroke-width": 2.5 }, group);
  });
  if (has) {
    const found = DATA.venues.flatMap(name => DATA.findings[name][one.key].interval ?? []);
    const second = { left: isWide ? half + 46 : label, right: w - margin, top: isWide ? 0 : height + 14, step, isWide, isNamed: !isWide };
    const title = `mean difference to ${DATA.baseline}, 95 % interval [${one.unit}]`;
    height = Math.max(height, panel(svg, second, extent(found), title, drawDifference(one, step)));
  }
  svg.setAttribute("viewBox", `0 0 ${w} ${height}`);
}
function drawDifference(one, step) {
  return (group, name, y, x) => {
    const told = DATA.findings[name][one.key], isSure = told.verdict === "distinguished", color = isSure ? ACCENT : MID;
    make("line", { x1: x(0), x2: x(0), y1: y - step / 2, y2: y + step / 2, stroke: SOFT }, group);
    if (!told.interval) {
      if (told.mean === 0) make("text", { x: x(0) + 8, y: y + 4 }, group, "no difference in any run");
      return;
    }
    const [low, high] = told.interval.map(x), look = { stroke: color, "stroke-width": 2 };
    make("path", { d: `M${low} ${y}H${high}M${low} ${y - 4}v8M${high} ${y - 4}v8`, fill: "none", ...look }, group);
    make("circle", { cx: x(told.mean), cy: y, r: 4.5, fill: isSure ? color : "var(--page)", ...look }, group);
  };
}
metric.addEventListener("change", drawSpread);
let seen = 0;
new ResizeObserver(() => {
  if (spread.clientWidth !== seen) {
    seen = spread.clientWidth;
    drawSpread();
  }
}).observe(spread);

// -- the table --

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
