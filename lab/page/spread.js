// One picture of designs in one metric: each run, the median, and the difference to the baseline.

function extent(values) {
  let low = Math.min(...values, 0), high = Math.max(...values, 0);
  if (!(high > low)) high = low + 1;
  const room = (high - low) * .05;
  return [low - (low < 0 ? room : 0), high + (high > 0 ? room : 0)];
}

class Spread {
  // place: where it is drawn; metric: the choice of one; data: { baseline, venues, metrics, runs, medians, findings }
  constructor(place, metric, data) {
    Object.assign(this, { place, metric, data });
    data.metrics.forEach((one, i) => { const option = element("option", "", metric, `${one.label} [${one.unit}]`); option.value = i; });
    metric.addEventListener("change", () => this.draw());
    new ResizeObserver(() => { if (place.clientWidth !== this.width) this.draw(); }).observe(place);
  }
  draw() {
    const { venues, runs, medians, findings, baseline, metrics } = this.data, w = this.width = this.place.clientWidth;
    const one = metrics[Number(this.metric.value) || 0], isWide = w > 720, margin = 16;
    this.place.replaceChildren();
    if (!one || !w) return;
    const values = venues.flatMap(name => runs[name][one.key].filter(v => v !== null));
    element("p", "only-print", this.place, `${one.label} [${one.unit}]`);
    if (!values.length) { element("div", "empty", this.place, "Not defined in any run."); return; }
    const has = venues.some(name => findings[name][one.key].interval), step = isWide ? 34 : 46;
    const label = isWide ? 30 + 7 * Math.min(34, Math.max(...venues.map(name => name.length))) : margin / 2;
    const half = isWide && has ? label + (w - label) * .52 : w - margin;
    const svg = make("svg", { role: "img", "aria-label": `${one.label}: each run, and differences to ${baseline}` }, this.place);

    const first = { left: label, right: half, top: 0, step, isWide, isNamed: true };
    let height = this.panel(svg, first, extent(values), `each dot a run, the bar their median [${one.unit}]`, (group, name, y, x) => {
      const mine = runs[name][one.key].filter(v => v !== null), median = medians[name][one.key];
      if (!mine.length) return;
      make("line", { x1: x(Math.min(...mine)), x2: x(Math.max(...mine)), y1: y, y2: y, stroke: PALE }, group);
      const fill = name === baseline ? INK : ACCENT;
      mine.forEach((v, i) => make("circle", { cx: x(v), cy: y + (i % 3 - 1) * 3, r: 3.4, fill, "fill-opacity": .5 }, group));
      if (median !== null) make("line", { x1: x(median), x2: x(median), y1: y - 10, y2: y + 10, stroke: INK, "stroke-width": 2.5 }, group);
    });
    if (has) {
      const found = venues.flatMap(name => findings[name][one.key].interval ?? []);
      const second = { left: isWide ? half + 46 : label, right: w - margin, top: isWide ? 0 : height + 14, step, isWide, isNamed: !isWide };
      const title = `mean difference to ${baseline}, 95 % interval [${one.unit}]`;
      height = Math.max(height, this.panel(svg, second, extent(found), title, this.difference(one, step)));
    }
    svg.setAttribute("viewBox", `0 0 ${w} ${height}`);
  }
  // One picture of rows, a design each: where it begins and ends, its title, and what draws a row.
  panel(svg, place, ends, title, row) {
    const { left, right, top, step, isWide, isNamed } = place, { venues } = this.data, bottom = 24 + step * venues.length;
    const x = v => left + (v - ends[0]) / (ends[1] - ends[0]) * (right - left);
    const group = make("g", { transform: `translate(0 ${top})` }, svg);
    make("text", { x: left, y: 10 }, group, title);
    for (const at of ticks(ends[0], ends[1], Math.max(2, (right - left) / 90))) {
      make("line", { x1: x(at), x2: x(at), y1: 20, y2: bottom, stroke: "var(--grid)" }, group);
      make("text", { x: x(at), y: bottom + 15, "text-anchor": "middle" }, group, short(at));
    }
    venues.forEach((name, i) => {
      const y = 24 + step * (i + (isWide ? .5 : .68)), cut = name.length > 34 ? `${name.slice(0, 33)}…` : name;
      if (isNamed) make("text", { x: 0, y: isWide ? y + 4 : y - 13, class: "name" }, group, cut);
      row(group, name, y, x);
    });
    return top + bottom + 24;
  }
  difference(one, step) {
    return (group, name, y, x) => {
      const told = this.data.findings[name][one.key], isSure = told.verdict === "distinguished", color = isSure ? ACCENT : MID;
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
}
