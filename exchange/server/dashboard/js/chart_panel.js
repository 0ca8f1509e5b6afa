// The chart: candles of trades with the mark and the oracle price, what was liquidated and deleveraged, and the user's own position.

import {
  CandlestickSeries,
  ColorType,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  LineSeries,
  LineStyle,
} from "../vendor/lightweight-charts/lightweight-charts.js";
import {Candles, INTERVALS} from "./candles.js";
import {byId, el} from "./dom.js";
import {soon} from "./frame.js";
import {compact, float} from "./numbers.js";

const MARKERS = 200, // that are drawn at most
  ENOUGH = 20, // candles of a minute for a chart of them
  FEW = 60, // candles, which are drawn wider until there are more
  SPACING = {usual: 9, widest: 22}; // [px] from candle to candle

export class ChartPanel {
  constructor(venue, wire) {
    Object.assign(this, {venue, wire, marked: []});
    this.box = byId("chart");
    this.candles = new Candles(venue, wire, () => this.later());
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
    this.lines = {oracle: this.line(LineStyle.Dashed, 1), mark: this.line(LineStyle.Solid, 2)};
    this.markers = createSeriesMarkers(this.series, []);
    this.own = [];
    for (const name of Object.keys(INTERVALS))
      byId("intervals").append(el("button", {"type": "button", "aria-pressed": "false", "onclick": () => this.choose(name)}, name));
    addEventListener("theme", () => this.paint());
    venue.on("market", () => this.anew());
    venue.on("anew", () => this.anew());
    venue.on("rules", () => this.begin().catch(() => {}));
    for (const kind of ["wheel", "pointerdown"]) this.box.addEventListener(kind, () => (this.isMoved = true), {passive: true}); // by hand
    this.paint();
  }

  line(lineStyle, lineWidth) {
    return this.chart.addSeries(LineSeries, {
      lineWidth,
      lineStyle,
      lastValueVisible: false,
      priceLineVisible: false,
      crosshairMarkerVisible: false,
    });
  }

  /** A server that has run for a while has a chart of minutes to show; until then there are more candles of seconds. */
  async begin() {
    const {candles} = await this.wire.ask("candles", {market: this.venue.at, limit: ENOUGH});
    if (candles.length === ENOUGH && !this.isChosen) this.choose("1m");
  }

  choose(interval) {
    this.isChosen = true;
    this.candles.show(interval);
    this.prepare();
  }

  /** Another market, or venue. */
  anew() {
    this.candles.anew();
    this.prepare();
  }

  /** All will be drawn anew: of this market and interval. */
  prepare() {
    const {interval, seconds} = this.candles,
      {market} = this.venue,
      digits = (market.tick.split(".")[1] ?? "").length;
    const priceFormat = {type: "price", precision: digits, minMove: Number(market.tick)};
    for (const series of [this.series, this.lines.mark, this.lines.oracle]) series.applyOptions({priceFormat});
    this.chart.applyOptions({
      localization: {
        locale: "en-US",
        priceFormatter: price => price.toLocaleString("en-US", {minimumFractionDigits: digits, maximumFractionDigits: digits}),
      },
    });
    for (const button of byId("intervals").children) button.setAttribute("aria-pressed", String(button.textContent === interval));
    this.chart.timeScale().applyOptions({secondsVisible: seconds < 60, barSpacing: SPACING.usual});
    this.whole = true;
    this.isMoved = false;
    this.spacing = null;
    this.chart.timeScale().scrollToRealTime();
  }

  later() {
    soon((this.drawing ??= () => this.draw()));
  }

  /** A chart that has begun a moment ago is not to look empty. */
  fill(count) {
    const spacing = Math.max(SPACING.usual, Math.min(SPACING.widest, Math.floor(this.box.clientWidth / (count + 12))));
    if (this.isMoved || count > FEW || spacing === this.spacing) return;
    this.spacing = spacing;
    this.chart.timeScale().applyOptions({barSpacing: spacing});
  }

  /** All of it at first, then only the candles that changed: the last ones. */
  draw() {
    if (!this.venue.market) return;
    const all = [...this.candles.all.values()],
      time = candle => candle.time;
    this.fill(all.length);
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
      first = this.candles.all.keys().next().value;
    for (const {ts, method, size} of this.marked) {
      const time = this.candles.timeOf(ts);
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
