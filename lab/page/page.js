// The page of a comparison, from the data in it.

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

// -- all runs --

new Spread(document.getElementById("spread"), document.getElementById("metric"), DATA.all);
