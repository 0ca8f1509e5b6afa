// The order book as a ladder and as depth, the last price between them, and trades. Rows are made once and written into.

import {byId, el, setClass, setText} from "./dom.js";
import {soon} from "./frame.js";
import {clock, decimal, percent} from "./numbers.js";

const ROWS = 11,
  TRADES = 24;
const CURVE_ALONE = "Nobody's orders rest here: whoever trades, trades with the market's curve. Its depth is drawn above.",
  EMPTY = "The book is empty: nobody bids or offers at the moment.";

export class BookPanel {
  /** `pick` is told the price of a row that was clicked; `isMine` says whether an own order rests at a side and price. */
  constructor(venue, pick, isMine) {
    Object.assign(this, {venue, pick, isMine});
    this.rows = {asks: this.ladder("asks"), bids: this.ladder("bids")};
    this.trades = Array.from({length: TRADES}, () => {
      const cells = [el("span.price"), el("span"), el("span.soft")];
      byId("trades").append(el("div.line", {}, ...cells));
      return cells;
    });
    this.canvas = byId("depth");
    const draw = () => soon((this.draw ??= () => this.drawBook())),
      trades = () => soon((this.drawing ??= () => this.drawTrades()));
    for (const topic of ["book", "mine", "market"]) venue.on(topic, draw);
    venue.on("ticker", market => {
      if (market === venue.at) draw();
    });
    for (const topic of ["trades", "market"]) venue.on(topic, trades);
    const paint = () => {
      const style = getComputedStyle(document.documentElement); // asked for now and then: it makes the browser lay out the page
      this.colors = {up: style.getPropertyValue("--up"), down: style.getPropertyValue("--down")};
      draw();
    };
    addEventListener("theme", paint);
    this.size = {width: 0, height: 0};
    new ResizeObserver(([{contentRect}]) => {
      this.size = contentRect;
      draw();
    }).observe(this.canvas);
    paint();
  }

  ladder(side) {
    const rows = Array.from({length: ROWS}, () => {
      const cells = [el("span.price"), el("span"), el("span.soft")],
        bar = el("i");
      const row = {
        cells,
        bar,
        price: null,
        node: el("button.line", {type: "button", onclick: () => row.price && this.pick(row.price)}, bar, ...cells),
      };
      return row;
    });
    byId(side).append(...(side === "asks" ? rows.toReversed() : rows).map(row => row.node)); // asks: the best is the lowest
    return rows;
  }

  drawBook() {
    const {venue} = this,
      {market} = venue;
    if (!market) return;
    const sides = {bids: venue.levels("bids"), asks: venue.levels("asks")};
    const noBook = venue.hasNoBook,
      isEmpty = !noBook && venue.isBookKnown && !sides.bids.length && !sides.asks.length;
    byId("no-book").hidden = !noBook && !isEmpty;
    for (const id of ["book-head", "asks", "bids"]) byId(id).hidden = noBook;
    setText(byId("no-book"), noBook ? CURVE_ALONE : EMPTY);
    let most = 1;
    const sums = {};
    for (const side of ["bids", "asks"]) {
      let sum = 0;
      sums[side] = sides[side].map(([, size]) => (sum += size));
      most = Math.max(most, sums[side][Math.min(ROWS, sums[side].length) - 1] ?? 0);
    }
    for (const side of ["bids", "asks"])
      this.rows[side].forEach((row, at) => this.drawRow(row, side, sides[side][at], sums[side][at], most));
    this.drawMiddle(sides);
    this.drawDepth(venue.pool && noBook ? this.pooled(venue.pool) : sides);
  }

  drawRow(row, side, level, sum, most) {
    const {market} = this.venue,
      [price, size] = level ?? [null, null];
    const own = price !== null && this.isMine(side === "bids" ? "BUY" : "SELL", price);
    row.price = price;
    setClass(row.node, own ? "line own" : "line");
    if (own !== Boolean(row.node.title)) row.node.title = own ? "Your order is here" : "";
    row.bar.style.transform = `scaleX(${price === null ? 0 : sum / most})`;
    if (row.market === market && row.size === size && row.sum === sum && row.shown === price) return;
    Object.assign(row, {market, size, sum, shown: price});
    const texts = price === null ? ["", "", ""] : [decimal(price, market.tick), decimal(size, market.lot), decimal(sum, market.lot)];
    texts.forEach((text, at) => setText(row.cells[at], text));
    row.node.tabIndex = price === null ? -1 : 0;
  }

  drawMiddle({bids, asks}) {
    const {market, ticker} = this.venue,
      {trades} = this.venue;
    setText(byId("last"), decimal(ticker?.last, market.tick));
    setClass(byId("last"), trades.at(-1)?.taker_side === "SELL" ? "down" : "up");
    setText(byId("mark"), `mark ${decimal(ticker?.mark, market.tick)}`);
    const gap = bids.length && asks.length ? asks[0][0] - bids[0][0] : null;
    setText(byId("spread"), gap === null ? "" : `spread ${decimal(gap, market.tick)} · ${percent(gap / asks[0][0], 3)}`);
  }

  /** A curve's depth in the shape of a book: what each step adds. */
  pooled(pool) {
    const steps = levels => levels.map(({price, size}, at) => [price, size - (at ? levels[at - 1].size : 0)]);
    return {bids: steps(pool.bids ?? []), asks: steps(pool.asks ?? [])};
  }

  drawDepth({bids, asks}) {
    const {canvas} = this,
      ratio = devicePixelRatio,
      {width, height} = this.size;
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (!bids.length || !asks.length) return;
    const middle = (bids[0][0] + asks[0][0]) / 2,
      far = side => Math.abs(side.at(-1)[0] - middle);
    const span = Math.max(Math.min(far(bids), far(asks)), 1),
      total = side => side.reduce((sum, [price, size]) => (Math.abs(price - middle) <= span ? sum + size : sum), 0);
    const most = Math.max(total(bids), total(asks), 1);
    for (const [side, color] of [
      [bids, this.colors.up],
      [asks, this.colors.down],
    ])
      this.drawSide(pen, side, color, {middle, span, most, width, height});
  }

  drawSide(pen, side, color, {middle, span, most, width, height}) {
    const x = price => width / 2 + (((price - middle) / span) * width) / 2,
      y = sum => height - (sum / most) * (height - 6);
    let sum = 0;
    pen.beginPath();
    pen.moveTo(x(side[0][0]), height);
    for (const [price, size] of side) {
      if (Math.abs(price - middle) > span) break;
      pen.lineTo(x(price), y(sum));
      pen.lineTo(x(price), y((sum += size)));
    }
    const end = side[0][0] < middle ? 0 : width;
    pen.lineTo(end, y(sum));
    pen.strokeStyle = color;
    pen.lineWidth = 1.5;
    pen.stroke();
    pen.lineTo(end, height);
    pen.globalAlpha = 0.16;
    pen.fillStyle = color;
    pen.fill();
    pen.globalAlpha = 1;
  }

  drawTrades() {
    const {market, trades} = this.venue;
    if (!market) return;
    this.trades.forEach((cells, at) => {
      const trade = trades[trades.length - 1 - at];
      if (trade === cells.trade) return;
      cells.trade = trade;
      setClass(cells[0], !trade ? "price" : trade.taker_side === "BUY" ? "price up" : "price down");
      setText(cells[0], trade ? decimal(trade.price, market.tick) : "");
      setText(cells[1], trade ? decimal(trade.size, market.lot) + (trade.liquidation ? " ⚡" : "") : "");
      setText(cells[2], trade ? clock(trade.ts) : "");
      cells[1].title = trade?.liquidation ? "⚡: a position was liquidated in this trade" : "";
    });
  }
}
