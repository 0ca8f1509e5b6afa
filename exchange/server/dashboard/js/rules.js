// The venue's rules in words, from the reply to `venue` with its design.

import {el} from "./dom.js";
import {compact, duration, millionths} from "./numbers.js";

const STEP = {
  book: "An order of the liquidated account goes into the market, at the bankruptcy price or better.",
  dutch_auction: "A share of the whole account is auctioned, ever cheaper.",
  takeover: "The backstop vault takes the position over.",
  collateral: "Coins that count as margin are sold.",
  cover_shortage: "A shortage of cash is covered from what else there is.",
};
const BACKSTOP = {
  insurance_fund: "The insurance fund pays, as far as it goes.",
  auto_deleverage: "Winners are deleveraged: their positions are closed against the loser's (ADL).",
  socialized_loss: "All who have a position share the loss.",
  profit_haircut: "Who has a profit gets less of it.",
  liquidity_pool: "The pool of liquidity providers pays.",
};
const MARK = {
  hyperliquid: "A median: oracle and average basis, the book, and other venues",
  oracle: "The oracle's price",
  curve: "The curve's price",
  curve_twap: "The average of the curve's price over time",
  curve_median: "A median with the curve's price",
};
const FUNDING = {
  premium: "Average premium of the book over the oracle, plus interest, clamped",
  twap_difference: "Average price less average index",
  velocity: "A rate that drifts with the skew of open interest",
  traded_premium: "Premium of the prices that were traded",
  adaptive_skew: "A rate that adapts to the skew of open interest",
  static_skew: "In proportion to the skew of open interest",
};
const MATCHING = {
  price_time: "Best price first, then who came first",
  pro_rata: "Best price first, then in proportion to size",
  top_pro_rata: "Best price first, then the top order, the rest in proportion to size",
};
const SEQUENCE = {
  continuous: "At once, in the order in which they come",
  batch_auction: "In batches, at one price",
  blocks: "In blocks",
  request_execute: "As requests, carried out at a later oracle price",
  dutch_auction: "Takers' orders are auctioned to makers first",
};
const ADL = {
  hyperliquid: "profit and leverage (Hyperliquid's formula)",
  profit_leverage: "profit × leverage",
  fifo: "who opened first",
  random: "chance",
};
const LEFT = {trader: "stays with the trader", insurance_fund: "goes to the insurance fund", vault: "goes to the backstop vault"};
const WITHDRAWALS = {any: "what positions and orders leave free", flat: "only from accounts that hold nothing", none: "none"};
const TRANSFERS = {any: "to any account", same_owner: "among accounts of one owner", none: "none"};
const STALE = {keep_last: "the last price stays", halt_new_risk: "nothing may open risk", pause_liquidation: "liquidations pause"};
const CURVE = {
  concentrated: "Concentrated liquidity, in ranges of prices",
  constant_product: "Constant product",
  oracle_pool: "A pool that trades at the oracle's price",
  oracle_spread: "The oracle's price and a spread",
  skew_fill: "The oracle's price, shifted by the skew",
  vamm_peg_k: "A virtual constant product with a peg",
};
const ROLE = {
  separate: "instead of a book",
  interleaved: "beside the book, whichever is better",
  jit: "takes a share of makers' fills",
  last_resort: "behind the book",
};

const named = (table, name) => table[name] ?? String(name).replaceAll("_", " ");
const ppm = value => millionths(value % 100 ? Math.round(value / 100) * 100 : value); // to a hundredth of a percent
const ppb = value => millionths(value / 1e3);
const ppt = value => millionths(value / 1e6);
const usd = value => `${compact(Number(value))} USD`;

function pairs(title, rows, ...more) {
  const told = rows
    .filter(row => row && row[1] != null && row[1] !== "")
    .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value))));
  return el("section", {}, el("h3", {}, title), told.length ? el("dl", {}, ...told) : null, ...more);
}

const list = (names, table) => el("ol", {}, ...names.map(name => el("li", {}, named(table, name))));

/** All of it, for the market that is shown. */
export function rulesOf(venue) {
  const {rules, market} = venue,
    {design} = rules;
  return [
    el("p.lead", {}, rules.title || rules.name),
    ofMarket(market, venue),
    margin(market),
    mark(market),
    market.kind === "spot" ? null : funding(market),
    market.curve ? curve(market, design) : null,
    liquidation(rules, design),
    losses(rules, design),
    orders(rules, market),
    money(rules),
  ].filter(Boolean);
}

function ofMarket(market, {asset, coin}) {
  return pairs(`Market ${market.name}`, [
    ["Kind", market.kind],
    ["Prices are multiples of", `${market.tick} ${asset}`],
    ["Sizes are multiples of", `${market.lot} ${coin}`],
    market.significant_figures && ["Figures of a price, at most", market.significant_figures],
    ["Least order", usd(market.minimum_notional)],
    market.price_band_ppm && ["Price of a buy", `any up to ${ppm(market.price_band_ppm)} above the mark`],
    market.price_band_ppm && ["Price of a sell", `any down to ${ppm(market.price_band_ppm)} below the mark`],
    ["Maker pays", ppb(market.maker_fee_ppb)],
    ["Taker pays", ppb(market.taker_fee_ppb)],
    market.jump_fee && ["While the oracle jumps", "takers pay more"],
    market.open_interest_cap && ["Open interest, at most", `${market.open_interest_cap} ${coin}`],
  ]);
}

function margin(market) {
  if (market.kind === "spot") return null;
  const rows = market.tiers.map(tier =>
    el(
      "tr",
      {},
      el("td", {}, usd(tier.lower_notional)),
      el("td", {}, ppm(tier.initial_margin_ppm)),
      el("td", {}, ppm(tier.maintenance_margin_ppm)),
    ),
  );
  const heads = ["position from", "initial", "maintenance"].map(head => el("th", {scope: "col"}, head));
  return pairs(
    "Margin",
    [
      ["Leverage, at most", `${market.max_leverage}×`],
      ["Leverage, unless chosen", `${market.default_leverage}×`],
    ],
    el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows)),
  );
}

function mark({mark, oracle}) {
  const terms = mark.terms ?? {};
  return pairs("Mark price", [
    ["What margin goes by", named(MARK, mark.rule)],
    mark.cadence_ms && ["Moves every", duration(mark.cadence_ms)],
    terms.basis_window_ms && ["Basis averaged over", duration(terms.basis_window_ms)],
    terms.quote_bound_ppm && ["Quotes count within", `${ppm(terms.quote_bound_ppm)} of the oracle`],
    oracle?.stale_after_ms && [`Oracle silent for ${duration(oracle.stale_after_ms)}`, named(STALE, oracle.on_stale)],
  ]);
}

function funding({funding}) {
  if (!funding) return null;
  const terms = funding.terms ?? {};
  return pairs("Funding", [
    ["Longs pay shorts", named(FUNDING, funding.rule)],
    funding.interval_ms && ["Paid", funding.payment === "continuous" ? "all the time" : `every ${duration(funding.interval_ms)}`],
    funding.sample_interval_ms && ["Sampled every", duration(funding.sample_interval_ms)],
    terms.interest_ppt && ["Interest", `${ppt(terms.interest_ppt)} in ${duration(funding.interval_ms * (terms.divisor || 1))}`],
    terms.cap_ppt && ["At most", `${ppt(terms.cap_ppt)} in ${duration(funding.interval_ms)}`],
  ]);
}

function curve({curve}, design) {
  const told = design?.markets?.find(one => one.curve?.rule === curve.rule)?.curve;
  return pairs("Curve", [
    ["Rule", named(CURVE, curve.rule)],
    ["Role", named(ROLE, curve.role)],
    told?.capital && ["Begun with", usd(told.capital)],
    ["Liquidity", curve.is_virtual ? "virtual: nobody can add to it" : "anybody may add to it"],
  ]);
}

function liquidation({liquidation}, design) {
  const {book, takeover} = design?.liquidation ?? {},
    steps = liquidation.steps,
    has = name => steps.includes(name);
  return pairs(
    "How a position is closed",
    [
      has("book") &&
        book?.partial_above &&
        book.partial_ppm < 1_000_000 && [
          `Positions above ${usd(book.partial_above)}`,
          `${ppm(book.partial_ppm)} at a time, ${duration(book.cooldown_ms)} apart`,
        ],
      has("takeover") && takeover && ["Taken over below", `${ppm(takeover.fraction_ppm)} of maintenance`],
      ["Fee of a liquidation", liquidation.fee_ppm ? ppm(liquidation.fee_ppm) : "none"],
      ["Margin that is left then", named(LEFT, liquidation.surplus_to)],
    ],
    list(steps, STEP),
  );
}

function losses({liquidation}, design) {
  const {backstops, auto_deleverage: adl} = liquidation,
    {insurance_fund: fund, vault} = design ?? {};
  return pairs(
    "Who pays what is left",
    [
      backstops.includes("auto_deleverage") && adl && ["Winners ranked by", named(ADL, adl.rank)],
      backstops.includes("auto_deleverage") && adl && ["Closed at", `${named({}, adl.price)} price`],
      backstops.includes("insurance_fund") && fund && ["Insurance fund begins with", usd(fund.capital)],
      liquidation.steps.includes("takeover") && vault && ["Backstop vault begins with", usd(vault.capital)],
    ],
    backstops.length ? list(backstops, BACKSTOP) : el("p", {}, "Nobody: what cannot be collected is booked as uncovered."),
  );
}

function orders({sequencing, gas, max_open_orders: most}, {matching, curve}) {
  const delays = [
    ["Takers wait", sequencing.taker_latency_ms],
    ["Makers wait", sequencing.maker_latency_ms],
    ["Cancels wait", sequencing.cancel_latency_ms],
  ];
  return pairs("Orders", [
    ["Carried out", named(SEQUENCE, sequencing.rule)],
    matching && curve?.role !== "separate" && ["Matched", named(MATCHING, matching.rule)],
    ...delays.filter(([, ms]) => ms).map(([name, ms]) => [name, duration(ms)]),
    gas.place && ["Gas of an order", `${gas.place / 1e6} USD`],
    ["Open orders, at most", most.toLocaleString("en-US")],
  ]);
}

function money({money, assets, collateral, fee_tiers: tiers}) {
  const late = [
    ["Deposits take", money.deposit_delay_ms],
    ["Withdrawals take", money.withdraw_delay_ms],
  ]
    .filter(([, ms]) => ms)
    .map(([name, ms]) => [name, duration(ms)]);
  return pairs("Money", [
    ...late,
    ["Withdrawals", named(WITHDRAWALS, money.withdrawals)],
    ["Transfers", named(TRANSFERS, money.transfers)],
    collateral.length ? ["Coins as margin", collateral.map(({asset}) => assets[asset]).join(", ")] : null,
    tiers.length ? ["Fees fall with volume", `${tiers.length} tiers`] : null,
  ]);
}
