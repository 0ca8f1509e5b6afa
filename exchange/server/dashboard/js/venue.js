// What is known of the venue: its markets, their tickers, the book and trades of the one that is shown, its fund, and its time.

import {float, GIFT, millis} from "./numbers.js";

const DEPTH = 60; // levels of the book that are asked for
const TRADES = 60; // that are kept
const SAMPLES = 900; // of the gauges that are kept, one a second of the page's

export class Venue {
  constructor(wire) {
    this.wire = wire;
    this.markets = [];
    this.tickers = new Map();
    this.statuses = new Map();
    this.at = 0; // the market that is shown
    this.book = {bids: new Map(), asks: new Map()};
    this.trades = [];
    this.fund = null;
    this.samples = new Map(); // market -> rows of [s, funding ppt, open interest, fund, vault]
    this.ts = null; // [ns] the venue's time, as it was told last
    this.ends = []; // of the streams of the market that is shown
    this.watchers = new Map(); // topic -> functions
    this.rules = null;
  }

  get market() {
    return this.markets[this.at];
  }
  get ticker() {
    return this.tickers.get(this.at);
  }
  get asset() {
    return this.rules?.assets[this.market?.settlement_asset ?? 0] ?? "USD";
  }

  /** What its sizes are counted in. */
  get coin() {
    const {base_asset: base, name} = this.market;
    return base == null ? name.split("-")[0] : this.rules.assets[base];
  }
  /** Does nobody's order rest there, because whoever trades, trades with its curve? */
  get hasNoBook() {
    return this.market?.curve?.role === "separate";
  }

  /** Play money, as much as there is at a time: "100,000 USD". */
  get gift() {
    return `${(GIFT / 1e6).toLocaleString("en-US")} ${this.asset}`;
  }

  on(topic, handle) {
    this.watchers.set(topic, [...(this.watchers.get(topic) ?? []), handle]);
  }
  tell(topic, what) {
    for (const handle of this.watchers.get(topic) ?? []) handle(what);
  }

  /** After every connect: what it is, and its streams. The market that is shown stays, if it is still there. */
  async load() {
    const epoch = this.rules?.epoch;
    this.rules = await this.wire.ask("venue", {design: true});
    const begun = this.rules.name + this.rules.epoch;
    if (this.begun === begun) return; // the streams have begun anew by themselves
    this.begun = begun;
    this.markets = this.rules.markets;
    if (epoch !== undefined) this.forget();
    if (this.ends.length === 0 || this.at >= this.markets.length) {
      this.common();
      this.show(Math.min(this.at, this.markets.length - 1));
    }
    this.tell("rules");
  }

  /** Another venue, or the same at another time: nothing from before is of any use. */
  forget() {
    this.samples.clear();
    this.trades = [];
    this.tell("anew");
  }

  common() {
    for (const {market} of this.markets) {
      this.wire.listen("ticker", {market}, told => {
        this.tickers.set(market, told);
        this.tell("ticker", market);
      });
      this.wire.listen("status", {market}, told => {
        this.statuses.set(market, told);
        this.tell("status", market);
      });
    }
    this.wire.listen("fund", {}, told => {
      this.fund = told;
      this.tell("fund");
    });
    this.wire.others.set("heartbeat", told => {
      this.ts = told.ts;
      this.tell("time");
    });
    this.wire.others.set("venue", told => {
      this.rules.epoch = told.epoch;
      this.begun = this.rules.name + told.epoch;
      this.ts = told.ts;
      this.forget();
      this.tell("rewound", told);
    });
  }

  /** Show another market. */
  show(at) {
    for (const end of this.ends) end();
    this.at = at;
    this.trades = [];
    this.book = {bids: new Map(), asks: new Map()};
    this.isBookKnown = false;
    const market = at,
      listen = (channel, handle, more = {}) => this.wire.listen(channel, {market, ...more}, handle);
    this.ends = [
      listen("book", told => this.hearBook(told), {depth: DEPTH}),
      listen("trades", told => this.hearTrades(told)),
      listen("liquidations", told => {
        if (told.type === "delta") this.tell("liquidation");
      }),
    ];
    if (this.market.curve)
      this.ends.push(
        listen("pool", told => {
          this.pool = told;
          this.tell("book");
        }),
      );
    else this.pool = null;
    this.tell("market");
  }

  hearBook(told) {
    const {bids, asks} = this.book;
    this.isBookKnown = true;
    if (told.type === "snapshot") {
      bids.clear();
      asks.clear();
    }
    for (const [levels, side] of [
      [told.bids, bids],
      [told.asks, asks],
    ]) {
      for (const [price, size] of levels) size ? side.set(price, size) : side.delete(price);
    }
    this.tell("book");
  }

  hearTrades(told) {
    this.trades = told.type === "snapshot" ? told.items : [...this.trades, ...told.items];
    if (this.trades.length > TRADES) this.trades = this.trades.slice(-TRADES);
    this.tell("trades", told);
  }

  /** Levels of one side, best first. */
  levels(side) {
    const found = [...this.book[side]];
    return found.sort(side === "bids" ? (a, b) => b[0] - a[0] : (a, b) => a[0] - b[0]);
  }

  /** The gauges go by samples of what the streams have told, once a second. */
  sample() {
    if (this.ts === null || !this.fund) return;
    const asset = this.market.settlement_asset;
    for (const {market, lot} of this.markets) {
      const ticker = this.tickers.get(market),
        rows = this.samples.get(market) ?? [];
      if (!ticker) continue;
      const row = [
        millis(this.ts) / 1000,
        Number(ticker.funding_rate_ppt) / 1e12,
        float(ticker.open_interest, lot),
        float(this.fund.balances[asset], "0.000001"),
        float(this.fund.vault_equities[asset], "0.000001"),
      ];
      if (rows.length && row[0] <= rows.at(-1)[0]) continue; // time stands
      rows.push(row);
      if (rows.length > SAMPLES) rows.shift();
      this.samples.set(market, rows);
    }
    this.tell("samples");
  }
}
