// Candles of trades with the mark and the oracle price, and what was liquidated and deleveraged. Candles of a minute and more are the
// venue's; those of five seconds are made here, of the trades and tickers that came since the page was opened.

import {
  CandlestickSeries,
  ColorType,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  LineSeries,
  LineStyle,
} from "../vendor/lightweight-charts/lightweight-charts.js";
import {byId, el} from "./dom.js";
import {soon} from "./frame.js";
import {compact, float, millis} from "./numbers.js";

const INTERVALS = {"5s": 5, "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400};
const SECONDS = "5s",
  KEPT = 720,
  MARKERS = 200;

export class ChartPanel {
  constructor(venue, wire) {
    Object.assign(this, {venue, wire, interval: SECONDS, candles: new Map(), marked: []});
    this.box = byId("chart");
    this.chart = createChart(this.box, {
      autoSize: true,
      layout: {attributionLogo: false},
      timeScale: {timeVisible: true, secondsVisible: true, rightOffset: 4},
      crosshair: {mode: 0},
    });
    this.series = this.chart.addSeries(CandlestickSeries, {borderVisible: false});
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: {type: "custom", formatter: compact, minMove: 0.01},
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.chart.priceScale("volume").applyOptions({scaleMargins: {top: 0.84, bottom: 0}});
    this.lines = {mark: this.line(LineStyle.Solid), oracle: this.line(LineStyle.Dashed)};
    this.markers = createSeriesMarkers(this.series, []);
    this.own = [];
    for (const name of Object.keys(INTERVALS))
      byId("intervals").append(el("button", {"type": "button", "aria-pressed": "false", "onclick": () => this.choose(name)}, name));
    addEventListener("theme", () => this.paint());
    venue.on("market", () => this.anew());
    venue.on("anew", () => this.anew());
    venue.on("trades", told => this.addTrades(told.items, told.type === "snapshot"));
    venue.on("ticker", market => {
      if (market === venue.at) this.addTicker();
    });
    this.paint();
  }

  line(lineStyle) {
    return this.chart.addSeries(LineSeries, {
      lineWidth: 1,
      lineStyle,
      lastValueVisible: false,
      priceLineVisible: false,
      crosshairMarkerVisible: false,
    });
  }

  get seconds() {
    return INTERVALS[this.interval];
  }

  choose(interval) {
    this.interval = interval;
    this.anew();
  }

  /** Another market, interval or venue. */
  anew() {
    this.round = (this.round ?? 0) + 1;
    this.candles = new Map();
    for (const button of byId("intervals").children) button.setAttribute("aria-pressed", String(button.textContent === this.interval));
    const {market} = this.venue,
      digits = (market.tick.split(".")[1] ?? "").length;
    const priceFormat = {type: "price", precision: digits, minMove: Number(market.tick)};
    for (const series of [this.series, this.lines.mark, this.lines.oracle]) series.applyOptions({priceFormat});
    this.chart.applyOptions({
      localization: {
        locale: "en-US",
        priceFormatter: price => price.toLocaleString("en-US", {minimumFractionDigits: digits, maximumFractionDigits: digits}),
      },
    });
    this.chart.timeScale().applyOptions({secondsVisible: this.seconds < 60, barSpacing: 9});
    this.whole = true;
    this.lastTrade = 0n;
    this.addTrades(this.venue.trades);
    this.chart.timeScale().scrollToRealTime();
    this.fetch();
  }

  /** Candles of the venue, from the last one that is known on. */
  async fetch() {
    if (this.interval === SECONDS || !this.wire.isOpen) return this.later();
    const {round} = this,
      last = [...this.candles.values()].at(-1),
      start = last ? last.time * 1e9 : 0;
    try {
      const {candles} = await this.wire.ask("candles", {market: this.venue.at, interval: this.interval, start, limit: 500});
      if (round !== this.round) return;
      for (const told of candles) this.candles.set(millis(told.begin) / 1000, this.candleOf(told));
      this.later();
    } catch {
      /* asked again with the next second */
    }
  }

  candleOf({begin, open, high, low, close, size, mark, oracle}) {
    const {tick, lot} = this.venue.market,
      price = ticks => (ticks == null ? null : float(ticks, tick));
    return {
      time: millis(begin) / 1000,
      open: price(open),
      high: price(high),
      low: price(low),
      close: price(close),
      size: float(size, lot),
      mark: price(mark?.[3]),
      oracle: price(oracle?.[3]),
    };
  }

  /** The candle of five seconds in which a moment lies. */
  candleAt(ns) {
    const time = Math.floor(millis(ns) / 1000 / this.seconds) * this.seconds;
    let candle = this.candles.get(time);
    if (!candle) {
      const last = [...this.candles.values()].at(-1);
      if (last && last.time > time) return null;
      const close = last?.close ?? null;
      this.candles.set(
        time,
        (candle = {time, open: close, high: close, low: close, close, size: 0, mark: last?.mark ?? null, oracle: last?.oracle ?? null}),
      );
    }
    return candle;
  }

  /** `isAgain`: some of them may be known, after a break of the connection. */
  addTrades(items, isAgain = false) {
    if (this.interval !== SECONDS) return;
    const {tick, lot} = this.venue.market,
      known = this.lastTrade;
    for (const {ts, price, size} of items) {
      if (isAgain && BigInt(ts) <= known) continue;
      this.lastTrade = BigInt(ts);
      const candle = this.candleAt(ts),
        value = float(price, tick);
      if (!candle) continue;
      if (candle.size === 0) candle.open ??= value;
      candle.high = Math.max(candle.high ?? value, value);
      candle.low = Math.min(candle.low ?? value, value);
      candle.close = value;
      candle.size += float(size, lot);
    }
    this.later();
  }

  addTicker() {
    const {ticker, market, ts} = this.venue;
    if (this.interval !== SECONDS || ts === null) return;
    const candle = this.candleAt(ts);
    if (!candle) return;
    if (ticker.mark != null) candle.mark = float(ticker.mark, market.tick);
    if (ticker.oracle != null) candle.oracle = float(ticker.oracle, market.tick);
    this.later();
  }

  later() {
    soon((this.drawing ??= () => this.draw()));
  }

  /** All of it at first, then only the candles that changed: the last ones. */
  draw() {
    if (!this.venue.market) return;
    if (this.candles.size > KEPT) this.candles.delete(this.candles.keys().next().value);
    const all = [...this.candles.values()],
      time = candle => candle.time;
    if (this.whole || !all.length) {
      this.series.setData(all.map(candle => this.bar(candle)));
      this.volume.setData(all.map(candle => this.column(candle)));
      for (const name of ["mark", "oracle"]) this.lines[name].setData(all.map(candle => this.point(candle, name)));
      this.drawn = all.length ? time(all.at(-1)) : -1;
      this.whole = !all.length;
    } else {
      for (const candle of all.filter(one => one.time >= this.drawn)) {
        this.series.update(this.bar(candle));
        this.volume.update(this.column(candle));
        for (const name of ["mark", "oracle"]) this.lines[name].update(this.point(candle, name));
        this.drawn = candle.time;
      }
    }
    this.drawMarkers();
  }

  bar({time, open, high, low, close}) {
    return open === null ? {time} : {time, open, high, low, close};
  }
  point(candle, name) {
    return candle[name] === null ? {time: candle.time} : {time: candle.time, value: candle[name]};
  }
  column({time, size, open, close}) {
    return {time, value: size, color: close >= open ? this.colors.upSoft : this.colors.downSoft};
  }

  /** `slices` of this market's liquidations, the oldest first: one mark for each candle, method and direction. */
  mark(slices) {
    this.marked = slices.slice(-MARKERS);
    this.later();
  }

  drawMarkers() {
    const found = new Map(),
      first = this.candles.keys().next().value;
    for (const {ts, method, size} of this.marked) {
      const time = Math.floor(millis(ts) / 1000 / this.seconds) * this.seconds;
      if (first === undefined || time < first) continue;
      const isLong = size > 0,
        isAdl = method === "ADL",
        key = `${time}/${isAdl}/${isLong}`;
      const mark = found.get(key) ?? {time, isLong, isAdl, lots: 0};
      mark.lots += Math.abs(size);
      found.set(key, mark);
    }
    const text = [...found.keys()].join() + [...found.values()].map(one => one.lots).join();
    if (text === this.markersDrawn) return;
    this.markersDrawn = text;
    const {lot} = this.venue.market;
    this.markers.setMarkers(
      [...found.values()]
        .sort((a, b) => a.time - b.time)
        .map(({time, isLong, isAdl, lots}) => ({
          time,
          position: isLong ? "aboveBar" : "belowBar",
          shape: isAdl ? "square" : isLong ? "arrowDown" : "arrowUp",
          color: isAdl ? this.colors.adl : this.colors.down,
          text: `${isAdl ? "ADL" : "liq"} ${compact(float(lots, lot))}`,
        })),
    );
  }

  /** Lines at the user's own position: `entries` of {price, title, color}. */
  showOwn(entries) {
    const text = JSON.stringify(entries);
    if (text === this.ownDrawn) return;
    this.ownDrawn = text;
    for (const line of this.own) this.series.removePriceLine(line);
    this.own = entries.map(({price, title, color}) =>
      this.series.createPriceLine({
        price,
        title,
        color: this.colors[color],
        lineWidth: 1,
        lineStyle: LineStyle.Dotted,
        axisLabelVisible: true,
      }),
    );
  }

  paint() {
    const style = getComputedStyle(document.documentElement),
      color = name => style.getPropertyValue(name).trim();
    this.colors = {
      up: color("--up"),
      down: color("--down"),
      upSoft: color("--up-soft"),
      downSoft: color("--down-soft"),
      adl: color("--adl"),
      mark: color("--mark"),
    };
    const {up, down} = this.colors;
    this.chart.applyOptions({
      layout: {
        background: {type: ColorType.Solid, color: "transparent"},
        textColor: color("--soft"),
        fontFamily: style.getPropertyValue("--font"),
        fontSize: 11,
      },
      grid: {vertLines: {color: color("--grid")}, horzLines: {color: color("--grid")}},
      rightPriceScale: {borderColor: color("--line")},
      timeScale: {borderColor: color("--line")},
    });
    this.series.applyOptions({upColor: up, downColor: down, wickUpColor: up, wickDownColor: down});
    this.lines.mark.applyOptions({color: color("--mark")});
    this.lines.oracle.applyOptions({color: color("--oracle")});
    this.markersDrawn = this.ownDrawn = null;
    this.whole = true;
    if (this.venue.market) this.later();
  }
}
