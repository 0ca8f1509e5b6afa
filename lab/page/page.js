"use strict";
// The report's pictures: SVG made of the data below the page, as wide as its place is. Colours are those of the style sheet, so
// that light, dark and paper need nothing else. Names reach the page as text alone.
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
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) found.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  return found;
}
function timeTicks(end, count) {
  const step = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400].find(one => end / one <= count) ?? end;
  const found = [];
  for (let at = 0; at <= end + 1e-9; at += step) found.push(at);
  return found;
}

// -- lines over time --

const all = [];   // pictures with one time axis: they share a cross-hair
const SAMPLES = {
  line: (node, color, dash) => make("line", { x1: 0, x2: 22, y1: 5, y2: 5, stroke: color, "stroke-width": 2, "stroke-dasharray": dash ?? "" }, node),
  triangle: (node, color) => make("path", { d: "M6 1h10l-5 8z", fill: color }, node),
  diamond: (node, color) => make("path", { d: "M11 0l5 5-5 5-5-5z", fill: "var(--page)", stroke: color, "stroke-width": 1.5 }, node),
  bar: (node, color) => make("rect", { x: 6, y: 0, width: 10, height: 10, fill: color }, node),
  hollow: (node, color) => make("rect", { x: 6.7, y: .7, width: 8.6, height: 8.6, fill: "none", stroke: color, "stroke-width": 1.5 }, node),
};

class TimeChart {
  constructor(figure, height, format, zero) {
    Object.assign(this, { height, format, zero });
    this.key = figure.querySelector(".key"); this.host = figure.querySelector(".chart");
    all.push(this);
    new ResizeObserver(() => { if (this.host.clientWidth !== this.width) this.draw(); }).observe(this.host);
  }
  // lines: { name, t, v, color, dash, width, step }; columns: { name, t, v, span, color, hollow }; marks: { name, at: [t, v, size], shape, color }
  show(given) { Object.assign(this, { lines: [], columns: [], marks: [], why: "" }, given); this.draw(); }
  draw() {
    this.host.replaceChildren(); this.key.replaceChildren(); this.width = this.host.clientWidth;
    if (!this.lines || !this.width) return;
    const values = [...this.lines, ...this.columns].flatMap(one => one.v.filter(v => v !== null)).concat(this.marks.flatMap(one => one.at.map(at => at[1])));
    if (!values.length || (this.zero && !values.some(v => v))) { element("div", "empty", this.host, this.why || "Nothing to show."); this.svg = null; return; }
    let low = Math.min(...values), high = Math.max(...values);
    if (this.zero) { low = Math.min(0, low); high = Math.max(0, high); }
    const room = (high - low || Math.abs(high) || 1) * .06;
    if (!this.zero || low < 0) low -= room;
    high += room;
    const w = this.width, h = this.height, right = 62, bottom = 20, top = 6, end = DATA.end;
    this.x = t => t / end * (w - right); this.y = v => top + (high - v) / (high - low) * (h - top - bottom);
    const svg = this.svg = make("svg", { viewBox: `0 0 ${w} ${h}`, role: "img", "aria-label": this.host.dataset.label }, this.host);
    for (const at of ticks(low, high, h > 250 ? 6 : 3)) {
      make("line", { x1: 0, x2: w - right, y1: this.y(at), y2: this.y(at), stroke: "var(--grid)" }, svg);
      make("text", { x: w - right + 7, y: this.y(at) + 4 }, svg, this.format(at));
    }
    for (const at of timeTicks(end, w / 70)) make("text", { x: this.x(at), y: h - 3, "text-anchor": at === 0 ? "start" : "middle" }, svg, clock(at));
    for (const one of this.columns) this.drawColumns(one, svg);
    for (const one of this.lines) this.drawLine(one, svg);
    for (const one of this.marks) this.drawMarks(one, svg);
    this.hair = make("line", { y1: top, y2: h - bottom, stroke: SOFT, "stroke-width": 1, visibility: "hidden" }, svg);
    const move = event => {
      const box = svg.getBoundingClientRect(), t = (event.clientX - box.left) / box.width * w / (w - right) * end;
      for (const one of all) one.point(t >= 0 && t <= end ? t : null);
    };
    svg.addEventListener("pointermove", move); svg.addEventListener("pointerdown", move);
    svg.addEventListener("pointerleave", () => all.forEach(one => one.point(null)));
    this.point(null);
  }
  drawLine(one, svg) {
    let path = "", open = false, before = 0;
    one.t.forEach((t, i) => {
      const v = one.v[i];
      if (v === null) { open = false; return; }
      const x = this.x(t).toFixed(1), y = this.y(v).toFixed(1);
      path += open ? (one.step ? `H${x}V${y}` : `L${x} ${y}`) : `M${x} ${y}`; open = true; before = v;
    });
    make("path", { d: path, fill: "none", stroke: one.color, "stroke-width": one.width ?? 1.5, "stroke-dasharray": one.dash ?? "", "stroke-linejoin": "round" }, svg);
  }
  drawColumns(one, svg) {
    one.t.forEach((t, i) => {
      const v = one.v[i];
      if (!v) return;
      const [from, share] = one.part ?? [.12, .76];
      const left = this.x(t + one.span * from), width = Math.max(1, this.x(one.span * share)), y = Math.min(this.y(v), this.y(0)), height = Math.abs(this.y(v) - this.y(0));
      make("rect", { x: left, y, width, height, fill: one.hollow ? "none" : one.color, stroke: one.color, "stroke-width": one.hollow ? 1.5 : 0 }, svg);
    });
  }
  drawMarks(one, svg) {
    const most = Math.max(...one.at.map(at => at[2]), 1);
    for (const [t, v, size] of one.at) {
      const x = this.x(t), y = this.y(v), r = 2.5 + 6 * Math.sqrt(size / most);
      if (one.shape === "triangle") make("path", { d: `M${x - r * .7} ${y - r * 1.9}h${r * 1.4}L${x} ${y - 3}z`, fill: one.color, "fill-opacity": .8 }, svg);
      else make("path", { d: `M${x} ${y + 3}l${r * .7} ${r * .8}l${-r * .7} ${r * .8}l${-r * .7} ${-r * .8}z`, fill: "var(--page)", stroke: one.color, "stroke-width": 1.4 }, svg);
    }
  }
  point(t) {
    if (!this.svg) return;
    this.hair.setAttribute("visibility", t === null ? "hidden" : "visible");
    if (t !== null) { this.hair.setAttribute("x1", this.x(t)); this.hair.setAttribute("x2", this.x(t)); }
    this.key.replaceChildren();
    for (const one of [...this.lines, ...this.columns, ...this.marks]) {
      const item = element("span", "", this.key), sample = make("svg", { viewBox: "0 0 22 10", "aria-hidden": "true" }, item);
      SAMPLES[one.shape ?? (one.span ? (one.hollow ? "hollow" : "bar") : "line")](sample, one.color, one.dash);
      element("span", "", item, one.name);
      if (t !== null && one.v) { const v = at(one, t); element("b", "", item, v === null ? "–" : this.format(v)); }
    }
    if (t !== null) element("span", "", this.key, clock(t));
  }
}
function at(one, t) {
  if (one.span) { const i = one.t.findIndex(from => t >= from && t < from + one.span); return i < 0 ? null : one.v[i]; }
  let i = one.t.findIndex(when => when > t);
  if (i < 0) i = one.t.length;
  return i ? one.v[i - 1] : null;
}

// -- one run --

const charts = {};
for (const [name, height, format, zero] of [["price", innerWidth > 700 ? 380 : 300, price, false], ["depth", 190, short, true], ["interest", 190, short, true],
  ["forced", 190, short, true], ["fund", 190, short, true], ["funding", 190, v => `${sign(String(Number(v.toPrecision(3))))} bp`, true]])
{
  const figure = document.querySelector(`figure[data-chart="${name}"]`);   // none where no funding was charged
  if (figure) charts[name] = new TimeChart(figure, height, format, zero);
}

function showRun(name) {
  const run = DATA.courses[name], c = run.course, m = run.minutes;
  const middle = m.t.map(t => t + 30);
  const counted = (one, many, shown, whole) => `${whole.toLocaleString("en-US")} ${whole === 1 ? one : many}${shown < whole ? `, at ${shown} moments${shown >= DATA.marked ? " (the largest)" : ""}` : ""}`;
  const mark = c ? { t: c.t, v: c.mark } : { t: middle, v: m.mark };
  charts.price.show({
    lines: [
      { name: "true price, means of minutes", t: middle, v: m.true, color: PALE, width: 4 },
      ...(c ? [{ name: "oracle", t: c.t, v: c.oracle, color: MID, dash: "5 3", step: true }] : [{ name: "last price", t: middle, v: m.last, color: MID, dash: "5 3" }]),
      { name: "mark", ...mark, color: INK, width: 1.8, step: Boolean(c) },
    ],
    marks: c ? [
      ...(c.liquidations.length ? [{ name: counted("liquidation", "liquidations", c.liquidations.length, c.liquidations_in_all), at: c.liquidations, shape: "triangle", color: ACCENT }] : []),
      ...(c.deleveraged.length ? [{ name: counted("ADL fill", "ADL fills", c.deleveraged.length, c.deleveragings_in_all), at: c.deleveraged, shape: "diamond", color: INK }] : []),
    ] : [],
  });
  charts.depth.show({ why: "No depth was seen.", lines: [
    { name: "bids", t: c ? c.t : middle, v: c ? c.bid_depth : m.bid, color: INK }, { name: "asks", t: c ? c.t : middle, v: c ? c.ask_depth : m.ask, color: MID, dash: "5 3" } ] });
  const missing = "It takes the journal of this run, which is not in the folder.";
  charts.interest.show({ why: missing, lines: c ? [{ name: "of one side, at the mark", t: c.t, v: c.open_interest, color: INK }] : [] });
  charts.fund.show({ why: c ? "This design has no fund and no vault." : missing, lines: c ? [
    ...(c.fund.some(v => v) ? [{ name: "insurance fund", t: c.t, v: c.fund, color: INK, step: true }] : []),
    ...(c.vault.some(v => v) ? [{ name: "backstop vault, its equity", t: c.t, v: c.vault, color: ACCENT, step: true }] : []) ] : [] });
  charts.forced.show({ why: "Nobody was liquidated or deleveraged in this run.", columns: [
    { name: "liquidated", t: m.t, v: m.liquidated, span: 60, part: [.1, .42], color: ACCENT }, { name: "deleveraged", t: m.t, v: m.deleveraged, span: 60, part: [.52, .36], color: INK, hollow: true } ] });
  charts.funding?.show({ why: "No funding was charged in this run.", columns: [
    { name: "paid by longs, of the price", t: run.funding.t.map(t => Math.floor(t / 60) * 60), v: run.funding.bp, span: 60, color: INK } ] });
  for (const button of document.querySelectorAll("#designs button")) button.setAttribute("aria-pressed", String(button.textContent === name));
  for (const place of document.querySelectorAll(".chosen")) place.textContent = name;
}
const designs = document.getElementById("designs");
for (const name of Object.keys(DATA.courses)) element("button", "", designs, name).addEventListener("click", () => showRun(name));
if (DATA.first) showRun(DATA.first);

// -- all runs: what each seed came to, and the difference to the baseline --

const spread = document.getElementById("spread"), metric = document.getElementById("metric");
DATA.metrics.forEach((one, i) => { const option = element("option", "", metric, `${one.label} [${one.unit}]`); option.value = i; });
function axis(svg, x, from, to, low, high, y, unit) {
  for (const at of ticks(low, high, Math.max(2, (to - from) / 90))) {
    make("line", { x1: x(at), x2: x(at), y1: 20, y2: y, stroke: "var(--grid)" }, svg);
    make("text", { x: x(at), y: y + 15, "text-anchor": "middle" }, svg, short(at));
  }
}
function extent(values, withZero) {
  let low = Math.min(...values, ...(withZero ? [0] : [])), high = Math.max(...values, ...(withZero ? [0] : []));
  if (!(high > low)) { high = low + (Math.abs(low) || 1); }
  const room = (high - low) * .05;
  return [low - (low < 0 ? room : 0), high + room];
}
function drawSpread() {
  const one = DATA.metrics[Number(metric.value) || 0], w = spread.clientWidth, isWide = w > 720;
  spread.replaceChildren();
  if (!one || !w) return;
  const values = DATA.venues.flatMap(name => DATA.runs[name][one.key].filter(v => v !== null));
  if (!values.length) { element("div", "empty", spread, "Not defined in any run."); return; }
  const has = DATA.venues.some(name => DATA.findings[name][one.key].interval);
  const label = isWide ? Math.min(230, 24 + 7 * Math.max(...DATA.venues.map(name => name.length))) : 0, step = isWide ? 34 : 46;
  const panel = (left, right, top, ends, title, rows) => {
    const bottom = top + 24 + step * DATA.venues.length, x = v => left + (v - ends[0]) / (ends[1] - ends[0]) * (right - left);
    const group = make("g", { transform: `translate(0 ${top})` }, svg);
    make("text", { x: left, y: 10 }, group, title);
    axis(group, x, left, right, ends[0], ends[1], bottom - top);
    DATA.venues.forEach((name, i) => {
      const y = 24 + step * (i + (isWide ? .5 : .68));
      if (!isWide || left === label + 6) make("text", { x: 0, y: isWide ? y + 4 : y - 13, class: "name" }, group, name.length > 34 ? name.slice(0, 33) + "…" : name);
      rows(group, name, y, x);
    });
    return bottom + 24;
  };
  const svg = make("svg", { role: "img", "aria-label": `${one.label}: each run, and differences to ${DATA.baseline}` }, spread);
  const margin = 16, half = isWide && has ? label + 6 + (w - label) * .52 : w - margin;
  let height = panel(isWide ? label + 6 : margin / 2, half, 0, extent(values, true), `each dot a run, the bar their median [${one.unit}]`, (group, name, y, x) => {
    const runs = DATA.runs[name][one.key].filter(v => v !== null), color = name === DATA.baseline ? INK : ACCENT;
    make("line", { x1: x(Math.min(...runs)), x2: x(Math.max(...runs)), y1: y, y2: y, stroke: PALE }, group);
    runs.forEach((v, i) => make("circle", { cx: x(v), cy: y + (i % 3 - 1) * 3, r: 3.4, fill: color, "fill-opacity": .5 }, group));
    const median = DATA.medians[name][one.key];
    if (median !== null) make("line", { x1: x(median), x2: x(median), y1: y - 10, y2: y + 10, stroke: INK, "stroke-width": 2.5 }, group);
  });
  if (has) {
    const found = DATA.venues.flatMap(name => DATA.findings[name][one.key].interval ?? []);
    const bottom = panel(isWide ? half + 46 : margin / 2, w - margin, isWide ? 0 : height + 14, extent(found, true), `mean difference to ${DATA.baseline}, 95 % interval [${one.unit}]`, (group, name, y, x) => {
      const told = DATA.findings[name][one.key];
      make("line", { x1: x(0), x2: x(0), y1: y - step / 2, y2: y + step / 2, stroke: SOFT }, group);
      if (!told.interval) { if (name !== DATA.baseline) make("text", { x: x(0) + 8, y: y + 4 }, group, told.mean === 0 ? "no difference in any run" : ""); return; }
      const sure = told.verdict === "distinguished", color = sure ? ACCENT : MID;
      make("line", { x1: x(told.interval[0]), x2: x(told.interval[1]), y1: y, y2: y, stroke: color, "stroke-width": 2 }, group);
      for (const end of told.interval) make("line", { x1: x(end), x2: x(end), y1: y - 4, y2: y + 4, stroke: color, "stroke-width": 2 }, group);
      make("circle", { cx: x(told.mean), cy: y, r: 4.5, fill: sure ? color : "var(--page)", stroke: color, "stroke-width": 2 }, group);
    });
    height = isWide ? height : bottom;
  }
  svg.setAttribute("viewBox", `0 0 ${w} ${height}`);
}
metric.addEventListener("change", drawSpread);
let seen = 0;
new ResizeObserver(() => { if (spread.clientWidth !== seen) { seen = spread.clientWidth; drawSpread(); } }).observe(spread);

// -- the table --

for (const button of document.querySelectorAll("table.ranked thead button")) button.addEventListener("click", () => {
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
});

// -- light and dark --

const theme = document.getElementById("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const now = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
});
