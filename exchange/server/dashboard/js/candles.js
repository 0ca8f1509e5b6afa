// Candles of one market and interval. Those of a minute and more are the venue's; those of one and five seconds are made here, of the
// trades and tickers that came since the market was shown.

import {float, millis} from "./numbers.js";

export const INTERVALS = {"1s": 1, "5s": 5, "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400};
const MADE = ["1s", "5s"],
  KEPT = 720,
  ASKED = 500;

export class Candles {
  /** `changed` is called when there is something new. */
  constructor(venue, wire, changed) {
    Object.assign(this, {venue, wire, changed, interval: MADE[0], round: 0, lastTrade: 0n});
    this.fetched = new Map(); // time [s] -> candle, the oldest first
    this.made = Object.fromEntries(MADE.map(name => [name, new Map()])); // the same
    venue.on("trades", told => this.addTrades(told.items, told.type === "snapshot"));
    venue.on("ticker", market => {
      if (market === venue.at) this.addTicker();
    });
  }

  get seconds() {
    return INTERVALS[this.interval];
  }

  get all() {
    return this.made[this.interval] ?? this.fetched;
  }

  get last() {
    return [...this.all.values()].at(-1);
  }

  /** Another interval. */
  show(interval) {
    this.interval = interval;
    this.round += 1;
    this.fetched.clear();
    return this.fetch();
  }

  /** Another market, or venue: nothing that was made is of it. */
  anew() {
    for (const candles of Object.values(this.made)) candles.clear();
    this.lastTrade = 0n;
    this.addTrades(this.venue.trades);
    return this.show(this.interval);
  }

  /** Candles of the venue, from the last one that is known on. */
  async fetch() {
    if (this.interval in this.made || !this.wire.isOpen) return this.changed();
    const {round, last} = this,
      start = last ? last.time * 1e9 : 0;
    try {
      const {candles} = await this.wire.ask("candles", {market: this.venue.at, interval: this.interval, start, limit: ASKED});
      if (round !== this.round) return;
      for (const told of candles) this.fetched.set(millis(told.begin) / 1000, this.candleOf(told));
      forget(this.fetched);
      this.changed();
    } catch {
      /* asked again with the next second */
    }
  }

  candleOf({begin, open, high, low, close, size, mark, oracle}) {
    const {tick, lot} = this.venue.market,
      price = ticks => (ticks == null ? null : float(ticks, tick));
    const prices = {open: price(open), high: price(high), low: price(low), close: price(close)};
    return {time: millis(begin) / 1000, ...prices, size: float(size, lot), mark: price(mark?.[3]), oracle: price(oracle?.[3])};
  }

  /** The candles of one and of five seconds in which a moment lies, but those that are over. */
  candlesAt(ns) {
    return MADE.map(name => {
      const candles = this.made[name],
        time = Math.floor(millis(ns) / 1000 / INTERVALS[name]) * INTERVALS[name],
        known = candles.get(time);
      if (known) return known;
      const {close = null, mark = null, oracle = null, time: before} = [...candles.values()].at(-1) ?? {};
      if (before > time) return null;
      const candle = {time, open: close, high: close, low: close, close, size: 0, mark, oracle};
      candles.set(time, candle);
      forget(candles);
      return candle;
    }).filter(candle => candle !== null);
  }

  /** When the candle begins in which a moment lies [s]. */
  timeOf(ns) {
    return Math.floor(millis(ns) / 1000 / this.seconds) * this.seconds;
  }

  /** `isAgain`: some of them may be known, after a break of the connection. */
  addTrades(items, isAgain = false) {
    const {tick, lot} = this.venue.market,
      known = this.lastTrade;
    for (const {ts, price, size} of items) {
      if (isAgain && BigInt(ts) <= known) continue;
      this.lastTrade = BigInt(ts);
      const value = float(price, tick);
      for (const candle of this.candlesAt(ts)) {
        candle.open ??= value;
        candle.high = Math.max(candle.high ?? value, value);
        candle.low = Math.min(candle.low ?? value, value);
        candle.close = value;
        candle.size += float(size, lot);
      }
    }
    this.changed();
  }

  addTicker() {
    const {ticker, market, ts} = this.venue;
    if (ts === null) return;
    for (const candle of this.candlesAt(ts)) {
      if (ticker.mark != null) candle.mark = float(ticker.mark, market.tick);
      if (ticker.oracle != null) candle.oracle = float(ticker.oracle, market.tick);
    }
    this.changed();
  }
}

function forget(candles) {
  while (candles.size > KEPT) candles.delete(candles.keys().next().value);
}
