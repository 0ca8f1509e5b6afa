// Candles of one market and interval. Those of a minute and more are the venue's; those of five seconds are made here, of the trades and
// tickers that came since the page was opened.

import {float, millis} from "./numbers.js";

export const INTERVALS = {"5s": 5, "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400};
const SECONDS = "5s",
  KEPT = 720,
  ASKED = 500;

export class Candles {
  /** `changed` is called when there is something new. */
  constructor(venue, wire, changed) {
    Object.assign(this, {venue, wire, changed, interval: SECONDS, round: 0});
    this.all = new Map(); // time [s] -> candle, the oldest first
    venue.on("trades", told => this.addTrades(told.items, told.type === "snapshot"));
    venue.on("ticker", market => {
      if (market === venue.at) this.addTicker();
    });
  }

  get seconds() {
    return INTERVALS[this.interval];
  }

  get isMadeHere() {
    return this.interval === SECONDS;
  }

  get last() {
    return [...this.all.values()].at(-1);
  }

  /** Another market, interval or venue. */
  anew() {
    this.round += 1;
    this.all.clear();
    this.lastTrade = 0n;
    this.addTrades(this.venue.trades);
    return this.fetch();
  }

  /** Candles of the venue, from the last one that is known on. */
  async fetch() {
    if (this.isMadeHere || !this.wire.isOpen) return this.changed();
    const {round, last} = this,
      start = last ? last.time * 1e9 : 0;
    try {
      const {candles} = await this.wire.ask("candles", {market: this.venue.at, interval: this.interval, start, limit: ASKED});
      if (round !== this.round) return;
      for (const told of candles) this.all.set(millis(told.begin) / 1000, this.candleOf(told));
      this.forget();
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

  /** The candle of five seconds in which a moment lies; null: it is over. */
  candleAt(ns) {
    const time = this.timeOf(ns),
      known = this.all.get(time);
    if (known) return known;
    const {close = null, mark = null, oracle = null, time: before} = this.last ?? {};
    if (before > time) return null;
    const candle = {time, open: close, high: close, low: close, close, size: 0, mark, oracle};
    this.all.set(time, candle);
    this.forget();
    return candle;
  }

  /** When the candle begins in which a moment lies [s]. */
  timeOf(ns) {
    return Math.floor(millis(ns) / 1000 / this.seconds) * this.seconds;
  }

  forget() {
    while (this.all.size > KEPT) this.all.delete(this.all.keys().next().value);
  }

  /** `isAgain`: some of them may be known, after a break of the connection. */
  addTrades(items, isAgain = false) {
    if (!this.isMadeHere) return;
    const {tick, lot} = this.venue.market,
      known = this.lastTrade;
    for (const {ts, price, size} of items) {
      if (isAgain && BigInt(ts) <= known) continue;
      this.lastTrade = BigInt(ts);
      const candle = this.candleAt(ts),
        value = float(price, tick);
      if (!candle) continue;
      candle.open ??= value;
      candle.high = Math.max(candle.high ?? value, value);
      candle.low = Math.min(candle.low ?? value, value);
      candle.close = value;
      candle.size += float(size, lot);
    }
    this.changed();
  }

  addTicker() {
    const {ticker, market, ts} = this.venue;
    if (!this.isMadeHere || ts === null) return;
    const candle = this.candleAt(ts);
    if (!candle) return;
    if (ticker.mark != null) candle.mark = float(ticker.mark, market.tick);
    if (ticker.oracle != null) candle.oracle = float(ticker.oracle, market.tick);
    this.changed();
  }
}
