// The order ticket. While it is filled in, `preview` says what the order would come to: nothing of that is worked out here.

import {byId, setText, tell} from "./dom.js";
import {CountField} from "./fields.js";
import {largest, obstacle} from "./largest.js";
import {decimal, money} from "./numbers.js";
import {because, rowsOf} from "./whatif.js";

const AFTER_MS = 150,
  AGAIN_MS = 1000; // after the last key; and because the market moves
const ALL = 100; // percent of the largest size: "max"

export class Ticket {
  constructor(venue, wire, session, mine) {
    Object.assign(this, {venue, wire, session, mine, form: byId("ticket"), asked: 0});
    this.fields = this.form.elements;
    const market = () => venue.market,
      hint = ": to sell, choose that above";
    this.price = new CountField(this.fields.price, "price", () => ({step: market().tick, most: market().max_price, unit: venue.asset}));
    this.size = new CountField(this.fields.size, "size", () => ({step: market().lot, most: market().max_size, unit: venue.coin, hint}));
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
    setText(byId("gift"), this.venue.gift);
    this.fields.leverage.max = market.max_leverage;
    this.leverage(market.default_leverage);
    for (const name of ["leverage", "reduce_only"]) this.fields[name].closest("label").hidden = market.kind === "spot";
    if (market.kind === "spot") this.fields.reduce_only.checked = false;
    this.fields.size.value = this.fields.price.value = "";
    if (this.venue.hasNoBook) this.fields.kind.value = "MARKET";
    this.touched = false;
    this.sizeIsOwn();
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
    this.sizeIsOwn();
    this.fields.kind.value = "LIMIT";
    this.fields.price.value = decimal(price, this.venue.market.tick, false);
    this.changed();
  }

  changed(event) {
    if (event) {
      this.touched = true; // from now on the price is the user's
      this.sizeIsOwn(); // and the size
      this.outcome = null;
      tell(byId("told"), ""); // of the order before
    }
    const {side, isMarket} = this,
      market = this.venue.market;
    byId("price-field").hidden = byId("tif-field").hidden = isMarket;
    setText(byId("leverage-told"), `${this.fields.leverage.value}×`);
    const send = byId("send");
    send.className = `primary ${side === "BUY" ? "buy" : "sell"}`;
    const first = this.session.user === null ? "Log in to trade" : "Open an account to trade";
    setText(send, this.session.mayTrade ? `${side === "BUY" ? "Buy" : "Sell"} ${market?.name ?? ""}` : first);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.preview(), AFTER_MS);
  }

  /** And no share of the largest one; what is being asked is of the order before. */
  sizeIsOwn() {
    this.share = null;
    this.asked += 1;
  }

  /** The order's fields, or null: a field says what is wrong with it. `isSent`: then a size must be there. */
  order(isSent = false) {
    if (!this.venue.market) return null;
    const {size, price} = this.fields,
      count = size.value || isSent ? this.size.read() : this.size.say(""),
      terms = size.value || isSent || price.value ? this.terms() : null;
    return count === null || !terms ? this.wrong("") : {...terms, size: count};
  }

  /** The same without the size. */
  terms() {
    const {market} = this.venue,
      {fields} = this;
    if (this.isMarket) this.price.say("");
    const price = this.isMarket ? 0 : this.price.read();
    if (price === null) return this.wrong("");
    const tif = this.isMarket ? "IOC" : fields.tif.value;
    return {
      account: this.session.account,
      market: market.market,
      side: this.side,
      price,
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
    if (!this.session.mayTrade || !this.wire.isOpen || this.asked === this.taking) return;
    if (this.outcome && byId("told").textContent === this.outcome) return void this.wrong(""); // that is told now, and no next order
    const order = this.order(),
      asked = ++this.asked;
    if (!order) return;
    try {
      const told = await this.wire.ask("preview", order);
      if (asked !== this.asked) return;
      if (this.share === ALL && obstacle(told) !== null) return void this.takeShare(ALL); // the market has moved
      this.showPreview(told);
    } catch (error) {
      if (asked === this.asked && error.reason !== "LOST") this.wrong(error.message);
    }
  }

  showPreview(told) {
    if (told.reason !== null) {
      this.wrong(`${this.outcome ? "The same order once more" : "It"} would be refused: ${this.because(told.reason)}.`);
      return void byId("why").classList.toggle("bad", !this.outcome);
    }
    tell(byId("why"), "");
    byId("whatif").replaceChildren(...rowsOf(told, this.venue));
  }

  because(reason) {
    return because(reason, this.venue, this.side);
  }

  /** So much of the largest size that would pass [%], at the leverage that is set. */
  async takeShare(share) {
    if (!this.session.mayTrade) return void this.wrong(`${byId("send").textContent}: a size goes by what you have.`);
    const terms = this.terms();
    if (!terms) return;
    const asked = (this.taking = ++this.asked); // no preview of another size comes between
    try {
      const {size, why} = await largest(this.wire, terms, this.guess(terms.price), this.venue.market.max_size);
      if (asked !== this.asked) return;
      this.fields.size.value = size ? decimal(Math.max(1, Math.floor((size * share) / ALL)), this.venue.market.lot, false) : "";
      clearTimeout(this.timer);
      if (!size) return void this.wrong(`No size would pass: ${this.because(why)}.`);
      this.changed();
      this.share = share;
    } catch (error) {
      if (asked === this.asked && error.reason !== "LOST") this.wrong(error.message);
    } finally {
      if (this.taking === asked) this.taking = null;
    }
  }

  /** Lots to begin the search at: what is available at the leverage that is set, and twice the position, which may be turned round. */
  guess(price) {
    const {market, ticker} = this.venue,
      available = Math.max(0, Number(this.mine.balance(market.settlement_asset)?.available ?? 0)),
      worth = (price || ticker?.mark || ticker?.last || market.max_price) * market.unit;
    return Math.ceil((available * Number(this.fields.leverage.value)) / worth) + 2 * Math.abs(this.mine.position?.size ?? 0);
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
    let order = this.order(true);
    if (!order || !this.session.mayTrade) return;
    byId("send").disabled = true;
    try {
      if (this.share === ALL && obstacle(await this.wire.ask("preview", order)) !== null) {
        await this.takeShare(ALL); // the market has moved since: the most is less now
        order = this.order();
        if (!order) return; // why not is told
      }
      this.share = null;
      const reply = await this.wire.ask("place", order),
        text = this.words(reply);
      this.resting = reply.open ? {order_id: reply.order_id, seq: Number(reply.seq), text} : null;
      this.outcome = text;
      tell(byId("told"), text);
    } catch (error) {
      const isLost = error.reason === "LOST";
      tell(byId("told"), isLost ? "The connection broke before the reply came: look whether the order is there." : error.message, true);
    } finally {
      byId("send").disabled = !this.session.mayTrade;
    }
    this.mine.refreshSoon();
    if (order) this.preview();
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
      await this.session.guest(this.venue.market.settlement_asset);
      tell(byId("told"), `You are ${this.session.user}, with ${this.venue.gift} of play money. The key is kept until this tab is closed.`);
    } catch (error) {
      tell(byId("told"), error.message, true);
    }
  }
}
