// Small charts of what changes slowly: funding, open interest, the insurance fund and the backstop vault.

import {byId, el, setText} from "./dom.js";
import {soon} from "./frame.js";
import {compact, percent} from "./numbers.js";

const HEIGHT = 96,
  YEAR_MS = 365 * 86_400_000,
  STEPS_S = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400, 604_800]; // between two times of an axis

const FIGURES = {usual: 4, most: 15},
  AXIS = {least: 58, figure: 6, beside: 18}; // [px]

/** Texts of the values at an axis: with so many more figures than usual that no two of them are alike. */
export function apart(values, words) {
  for (let figures = FIGURES.usual; ; figures += 1) {
    const texts = values.map(value => (value == null ? "" : words(value, figures)));
    if (figures === FIGURES.most || new Set(texts).size === new Set(values).size) return texts;
  }
}

const widthOf = texts => Math.max(AXIS.least, ...(texts ?? []).map(text => text.length * AXIS.figure + AXIS.beside));

const timeOf = seconds => new Date(seconds * 1000).toISOString().slice(11, 19);

export class Gauges {
  constructor(venue) {
    this.venue = venue;
    const yearly = (rate, figures = FIGURES.usual) =>
      percent((rate * YEAR_MS) / (this.venue.market.funding?.interval_ms || 3_600_000), figures - 2);
    this.gauges = [
      {name: "funding, a year", at: 1, color: "--mark", least: 1e-6, words: yearly, unit: () => ""},
      {name: "open interest", at: 2, color: "--oracle", least: 1, words: compact, unit: () => ` ${this.venue.coin}`},
      {name: "insurance fund", at: 3, color: "--up", least: 1, words: compact, unit: () => ` ${this.venue.asset}`},
      {name: "backstop vault", at: 4, color: "--adl", least: 1, words: compact, unit: () => ` ${this.venue.asset}`},
    ];
    for (const gauge of this.gauges) {
      gauge.value = el("strong", {}, "–");
      gauge.box = el("div.plot");
      byId("gauges").append(el("figure", {}, el("figcaption", {}, el("span", {}, gauge.name), gauge.value), gauge.box));
    }
    const draw = () => soon((this.drawing ??= () => this.draw()));
    for (const topic of ["samples", "market", "anew"]) venue.on(topic, draw);
    addEventListener("theme", () => {
      this.unmake();
      draw();
    });
    new ResizeObserver(() => {
      for (const {plot, box} of this.gauges) plot?.setSize({width: box.clientWidth, height: HEIGHT});
    }).observe(byId("gauges"));
  }

  /** Colours are given when a plot is made: a new theme needs new ones. */
  unmake() {
    for (const gauge of this.gauges) {
      gauge.plot?.destroy();
      gauge.plot = null;
    }
  }

  make(gauge, data) {
    const style = getComputedStyle(document.documentElement),
      color = name => style.getPropertyValue(name).trim();
    const axis = {
      stroke: color("--soft"),
      grid: {stroke: color("--grid"), width: 1},
      ticks: {show: false},
      font: `10px ${style.getPropertyValue("--font")}`,
    };
    const line = {stroke: color(gauge.color), width: 1.5, fill: color(gauge.color) + "1f", points: {show: false}};
    const range = (plot, low, high) => {
      const pad = high > low ? (high - low) * 0.15 : Math.abs(high) * 0.05 || gauge.least;
      return [low < 0 ? low - pad : Math.max(0, low - pad), high + pad]; // what is never below zero has no axis there
    };
    gauge.plot = new uPlot(
      {
        width: gauge.box.clientWidth,
        height: HEIGHT,
        legend: {show: false},
        cursor: {show: false},
        padding: [6, 24, 0, 0], // at the right for half of a time
        tzDate: ts => uPlot.tzDate(new Date(ts * 1000), "Etc/UTC"),
        scales: {y: {range}},
        series: [{}, line],
        axes: [
          {...axis, size: 18, space: 70, incrs: STEPS_S, values: (plot, ticks) => ticks.map(timeOf)},
          {...axis, size: (plot, texts) => widthOf(texts), space: 26, values: (plot, ticks) => apart(ticks, gauge.words)},
        ],
      },
      data,
      gauge.box,
    );
  }

  draw() {
    const rows = this.venue.samples.get(this.venue.at) ?? [];
    for (const gauge of this.gauges) {
      const data = [rows.map(row => row[0]), rows.map(row => row[gauge.at])],
        last = data[1].at(-1);
      setText(gauge.value, last === undefined ? "–" : gauge.words(last) + gauge.unit());
      if (!gauge.box.clientWidth) continue;
      if (gauge.plot) gauge.plot.setData(data);
      else this.make(gauge, data);
    }
  }
}
