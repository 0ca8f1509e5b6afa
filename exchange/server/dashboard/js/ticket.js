// The order ticket. While it is filled in, `preview` says what the order would come to: nothing of that is worked out here.

import {byId, el, setText, tell} from "./dom.js";
import {countOf, decimal, float, money, percent, signed} from "./numbers.js";

const AFTER_MS = 150,
  AGAIN_MS = 1000; // after the last key; and because the market moves
const WHY_CANCELLED = {IMMEDIATE: "the book has no more at this price", MARGIN: "the margin does not reach further"};

export class Ticket {
  constructor(venue, wire, session, mine) {
    Object.assign(this, {venue, wire, session, mine, form: byId("ticket"), asked: 0});
    this.fields = this.form.elements;
    this.form.addEventListener("input", event => this.changed(event));
    this.form.addEventListener("submit", event => {
      event.preventDefault();
      this.place();
    });
    byId("guest").addEventListener("click", () => this.guest());
    this.fields.leverage.addEventListener("change", () => this.setLeverage());
    for (const button of this.form.querySelectorAll("[data-share]"))
      button.addEventListener("click", () => this.takeShare(Number(button.dataset.share)));
    venue.on("market", () => this.anew());
    venue.on("ticker", market => {
      if (market === venue.at && !this.touched) this.offerPrice();
    });
    session.watchers.push(() => this.show());
    mine.watchers.push(() => this.showAvailable());
    setInterval(() => {
      if (!document.hidden && this.fields.size.value) this.preview();
    }, AGAIN_MS);
    this.show();
  }

  get side() {
    return this.fields.side.value;
  }
  get isMarket() {
    return this.fields.kind.value === "MARKET";
  }

  show() {
    if (this.shownFor !== this.session.user) tell(byId("told"), ""); // it was told to somebody else
    this.shownFor = this.session.user;
    byId("guest-box").hidden = this.session.user !== null;
    this.form.classList.toggle("idle", !this.session.mayTrade);
    byId("send").disabled = !this.session.mayTrade;
    this.changed();
  }

  showAvailable() {
    const balance = this.mine.balance(this.venue.market?.settlement_asset);
    setText(byId("available"), balance ? `${money(balance.available)} ${this.venue.asset} available` : "");
    this.forgetResting();
    const position = this.mine.position;
    if (position && document.activeElement !== this.fields.leverage) this.leverage(position.leverage);
  }

  /** What was told of an order that rested is no longer so when it is filled or gone. */
  forgetResting() {
    const {resting} = this,
      {account} = this.mine;
    if (!resting || !account || Number(account.seq) < resting.seq || account.more || byId("told").textContent !== resting.text) return;
    if (account.orders.some(one => one.order_id === resting.order_id)) return;
    this.resting = null;
    tell(byId("told"), "");
  }

  anew() {
    const {market} = this.venue;
    setText(byId("size-unit"), `(${market.name})`);
    this.fields.leverage.max = market.max_leverage;
    this.leverage(market.default_leverage);
    this.fields.leverage.closest("label").hidden = market.kind === "spot";
    this.fields.size.value = this.fields.price.value = "";
    this.touched = false;
    this.offerPrice();
    this.showAvailable();
    this.changed();
  }

  leverage(value) {
    this.fields.leverage.value = value;
    setText(byId("leverage-told"), `${value}×`);
  }

  /** A price to begin with: the mark. */
  offerPrice() {
    const {market, ticker} = this.venue,
      price = ticker?.mark ?? ticker?.last;
    if (price != null) this.fields.price.value = decimal(this.rounded(price), market.tick, false);
  }

  /** A price with no more figures than the market takes. */
  rounded(price) {
    const figures = this.venue.market.significant_figures,
      step = figures ? 10 ** Math.max(0, String(price).length - figures) : 1;
    return Math.round(price / step) * step;
  }

  pick(price) {
    this.touched = true;
    this.fields.kind.value = "LIMIT";
    this.fields.price.value = decimal(price, this.venue.market.tick, false);
    this.changed();
  }

  changed(event) {
    if (event) {
      this.touched = true; // from now on the price is the user's
      tell(byId("told"), ""); // of the order before
    }
    const {side, isMarket} = this,
      market = this.venue.market;
    byId("price-field").hidden = byId("tif-field").hidden = isMarket;
    setText(byId("leverage-told"), `${this.fields.leverage.value}×`);
    const send = byId("send");
    send.className = `primary ${side === "BUY" ? "buy" : "sell"}`;
    setText(send, this.session.mayTrade ? `${side === "BUY" ? "Buy" : "Sell"} ${market?.name ?? ""}` : "Log in to trade");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.preview(), AFTER_MS);
  }

  /** The order's fields, or null: `why` then says what is wrong with them. */
  order() {
    const {market} = this.venue,
      {fields} = this;
    if (!market || !fields.size.value) return this.wrong("");
    const size = countOf(fields.size.value, market.lot);
    if (!size) return this.wrong(`The size is a multiple of ${market.lot}.`);
    const price = this.isMarket ? 0 : countOf(fields.price.value, market.tick);
    if (price === null || (!price && !this.isMarket)) return this.wrong(`The price is a multiple of ${market.tick}.`);
    const tif = this.isMarket ? "IOC" : fields.tif.value;
    return {
      account: this.session.account,
      market: market.market,
      side: this.side,
      price,
      size,
      order_type: this.isMarket ? "MARKET" : "LIMIT",
      tif,
      reduce_only: fields.reduce_only.checked ? 1 : 0,
    };
  }

  wrong(why) {
    tell(byId("why"), why, true);
    byId("whatif").replaceChildren();
    return null;
  }

  async preview() {
    if (!this.session.mayTrade || !this.wire.isOpen) return;
    const order = this.order(),
      asked = ++this.asked;
    if (!order) return;
    try {
      const told = await this.wire.ask("preview", order);
      if (asked === this.asked) this.showPreview(order, told);
    } catch (error) {
      if (asked === this.asked && error.reason !== "LOST") this.wrong(error.message);
    }
  }

  showPreview(order, told) {
    if (told.reason !== null) return void this.wrong(`It would be refused: ${told.reason.toLowerCase().replaceAll("_", " ")}.`);
    const {tick, lot} = this.venue.market,
      {asset} = this.venue,
      rows = [];
    const row = (name, value, kind = "") => rows.push(el("div", {class: kind}, el("dt", {}, name), el("dd", {}, value)));
    if (told.filled) row("Fills at once", `${decimal(told.filled, lot)} at ${decimal(told.average, tick)}`);
    if (told.filled && told.mid_slippage_ppm !== null) row("Slippage from the middle", percent(told.mid_slippage_ppm / 1e6, 3));
    if (told.rests) row("Rests in the book", decimal(told.rests, lot));
    if (told.cancelled)
      row("Not filled", `${decimal(told.cancelled, lot)}: ${WHY_CANCELLED[told.cancel_reason] ?? told.cancel_reason}`, "bad");
    if (told.filled) row("Fee", `${money(told.fee)} ${asset}`);
    if (told.size !== null) {
      row("Position after", signed(decimal(told.size, lot)));
      row("Margin used after", `${money(told.initial_margin)} ${asset}`);
      row("Available after", `${money(told.available_margin)} ${asset}`, Number(told.available_margin) < 0 ? "bad" : "");
      row(
        "Liquidation price after",
        told.liquidation_price === null ? "none" : `${decimal(told.liquidation_price, tick)} (${this.distance(told.liquidation_price)})`,
      );
    }
    tell(byId("why"), "");
    byId("whatif").replaceChildren(...rows);
  }

  distance(price) {
    const {ticker, market} = this.venue;
    return ticker?.mark ? `${signed(percent(float(price, market.tick) / float(ticker.mark, market.tick) - 1, 1))} from the mark` : "";
  }

  /** So much of what is available as the size, at the leverage that is set. */
  takeShare(share) {
    const {market, ticker} = this.venue,
      balance = this.mine.balance(market.settlement_asset);
    const typed = this.isMarket ? null : countOf(this.fields.price.value, market.tick),
      price = typed || ticker?.mark;
    if (!balance || !price) return;
    const worth = ((Number(balance.available) * Number(this.fields.leverage.value) * share) / 100) * 0.98; // fees, and the way to the price
    this.fields.size.value = decimal(Math.max(0, Math.floor(worth / (price * market.unit))), market.lot, false);
    this.changed();
  }

  async setLeverage() {
    if (!this.session.mayTrade) return;
    const leverage = Number(this.fields.leverage.value);
    try {
      await this.wire.ask("set_leverage", {account: this.session.account, market: this.venue.at, leverage});
      tell(byId("told"), `Leverage is ${leverage}×.`);
      this.preview();
    } catch (error) {
      tell(byId("told"), error.message, true);
    }
  }

  async place() {
    const order = this.order();
    if (!order || !this.session.mayTrade) return;
    byId("send").disabled = true;
    try {
      const reply = await this.wire.ask("place", order),
        text = this.words(reply);
      this.resting = reply.open ? {order_id: reply.order_id, seq: Number(reply.seq), text} : null;
      tell(byId("told"), text);
    } catch (error) {
      tell(
        byId("told"),
        error.reason === "LOST" ? "The connection broke before the reply came: look whether the order is there." : error.message,
        true,
      );
    }
    byId("send").disabled = !this.session.mayTrade;
    this.mine.refreshSoon();
    this.preview();
  }

  words(reply) {
    const {lot, tick, unit} = this.venue.markets[reply.market ?? this.venue.at];
    if (reply.status === "queued") return "The order waits for its turn.";
    const average = reply.filled ? Math.round(Number(reply.filled_notional) / reply.filled / unit) : 0;
    const filled = reply.filled ? `Filled ${decimal(reply.filled, lot)} at ${decimal(average, tick)}. ` : "";
    return filled + (reply.open ? `${decimal(reply.open, lot)} rest in the book.` : reply.filled ? "" : "Nothing was filled.");
  }

  async guest() {
    try {
      await this.session.guest();
      tell(byId("told"), `You are ${this.session.user}, with money from the faucet. The key is kept until this tab is closed.`);
    } catch (error) {
      tell(byId("told"), error.message, true);
    }
  }
}
