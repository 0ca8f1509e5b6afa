// Pictures over time: SVG as wide as its place is.
const all = [];   // pictures with one time axis: they share a cross-hair
const SAMPLES = {
  line: (node, color, dash) =>
    make("line", { x1: 0, x2: 22, y1: 5, y2: 5, stroke: color, "stroke-width": 2, "stroke-dasharray": dash ?? "" }, node),
  triangle: (node, color) => make("path", { d: "M6 1h10l-5 8z", fill: color }, node),
  diamond: (node, color) => make("path", { d: "M11 0l5 5-5 5-5-5z", fill: "var(--page)", stroke: color, "stroke-width": 1.5 }, node),
  bar: (node, color) => make("rect", { x: 6, y: 0, width: 10, height: 10, fill: color }, node),
  hollow: (node, color) =>
    make("rect", { x: 6.7, y: .7, width: 8.6, height: 8.6, fill: "none", stroke: color, "stroke-width": 1.5 }, node),
};

class TimeChart {
  constructor(figure, height, format, zero) {
    Object.assign(this, { height, format, zero });
    this.key = figure.querySelector(".key"); this.host = figure.querySelector(".chart");
    all.push(this);
    new ResizeObserver(() => { if (this.host.clientWidth !== this.width) this.draw(); }).observe(this.host);
  }
  // lines: { name, t, v, color, dash, width, step }; columns: { name, t, v, span, color, hollow };
  // marks: { name, at: [t, v, size], shape, color }
  show(given) { Object.assign(this, { lines: [], columns: [], marks: [], why: "" }, given); this.draw(); }
  draw() {
    this.host.replaceChildren(); this.key.replaceChildren(); this.width = this.host.clientWidth;
    if (!this.lines || !this.width) return;
    const values = [...this.lines, ...this.columns].flatMap(one => one.v.filter(v => v !== null));
    values.push(...this.marks.flatMap(one => one.at.map(at => at[1])));
    if (!values.length || (this.zero && !values.some(v => v))) {
      element("div", "empty", this.host, this.why || "Nothing to show.");
      this.svg = null;
      return;
    }
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
    for (const at of timeTicks(end, w / 70)) {
      make("text", { x: this.x(at), y: h - 3, "text-anchor": at === 0 ? "start" : "middle" }, svg, clock(at));
    }
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
    let path = "", open = false;
    one.t.forEach((t, i) => {
      const v = one.v[i];
      if (v === null) { open = false; return; }
      const x = this.x(t).toFixed(1), y = this.y(v).toFixed(1);
      path += open ? (one.step ? `H${x}V${y}` : `L${x} ${y}`) : `M${x} ${y}`;
      open = true;
    });
    const look = { stroke: one.color, "stroke-width": one.width ?? 1.5, "stroke-dasharray": one.dash ?? "", "stroke-linejoin": "round" };
    make("path", { d: path, fill: "none", ...look }, svg);
  }
  drawColumns(one, svg) {
    one.t.forEach((t, i) => {
      const v = one.v[i];
      if (!v) return;
      const [from, share] = one.part ?? [.12, .76];
      const x = this.x(t + one.span * from), width = Math.max(1, this.x(one.span * share));
      const y = Math.min(this.y(v), this.y(0)), height = Math.abs(this.y(v) - this.y(0));
      const look = one.hollow ? { fill: "none", stroke: one.color, "stroke-width": 1.5 } : { fill: one.color };
      make("rect", { x, y, width, height, ...look }, svg);
    });
  }
  drawMarks(one, svg) {
    const most = Math.max(...one.at.map(at => at[2]), 1);
    for (const [t, v, size] of one.at) {
      const x = this.x(t), y = this.y(v), r = 2.5 + 6 * Math.sqrt(size / most);
      if (one.shape === "triangle") {   // above the line, its tip where it happened
        make("path", { d: `M${x - r * .7} ${y - r * 1.9}h${r * 1.4}L${x} ${y - 3}z`, fill: one.color, "fill-opacity": .8 }, svg);
      } else {   // below it
        const d = `M${x} ${y + 3}l${r * .7} ${r * .8}l${-r * .7} ${r * .8}l${-r * .7} ${-r * .8}z`;
        make("path", { d, fill: "var(--page)", stroke: one.color, "stroke-width": 1.4 }, svg);
      }
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
  if (one.span) {
    const i = one.t.findIndex(from => t >= from && t < from + one.span);
    return i < 0 ? null : one.v[i];
  }
  let i = one.t.findIndex(when => when > t);
  if (i < 0) i = one.t.length;
  return i ? one.v[i - 1] : null;
}
