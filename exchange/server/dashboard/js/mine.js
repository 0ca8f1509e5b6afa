// The user's own account: money, positions with a button that closes them, open orders with one that cancels.

import {byId, el, table, tell} from "./dom.js";
import {soon} from "./frame.js";
import {decimal, duration, money, notional, signed} from "./numbers.js";

const MORE = "Play money from nowhere, into your account: as often as you like";
const SOON_MS = 120,
  OFTEN_MS = 1000; // after an event of one's own; and because the mark moves

export class Mine {
  constructor(venue, wire, session) {
    Object.assign(this, {venue, wire, session, account: null, orders: new Set(), watchers: []});
    session.watchers.push(() => this.follow());
    venue.on("market", () => this.tellWatchers());
    venue.on("anew", () => this.refresh());
    setInterval(() => this.refresh(), OFTEN_MS);
    this.draw();
  }

  /** Another account is one's own: listen to its events. What they say is asked for in one piece. */
  follow() {
    const {account} = this.session;
    if (account === this.followed) {
      if (account !== null) this.wire.renew("private", {account}); // logged in again, after a break of the connection
      return void this.refresh();
    }
    this.end?.();
    this.end = null;
    this.followed = account;
    this.account = null;
    if (account !== null) this.end = this.wire.listen("private", {account}, () => this.refreshSoon());
    this.refresh();
    this.tellWatchers();
  }

  refreshSoon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.refresh();
    }, SOON_MS);
  }

  async refresh() {
    const {account} = this.session;
    if (account !== null && this.wire.isOpen && !document.hidden) {
      try {
        const told = await this.wire.ask("account", {account});
        if (account === this.session.account) this.account = told;
      } catch {
        /* asked again soon */
      }
    }
    this.tellWatchers();
  }

  tellWatchers() {
    this.orders = new Set((this.account?.orders ?? []).filter(one => one.market === this.venue.at).map(one => `${one.side}/${one.price}`));
    soon((this.drawing ??= () => this.draw()));
    this.venue.tell("mine");
    for (const watch of this.watchers) watch(this.account);
  }

  hasOrder(side, price) {
    return this.orders.has(`${side}/${price}`);
  }

  /** The user's position in the market that is shown, or null. */
  get position() {
    return this.account?.positions.find(one => one.market === this.venue.at && one.size !== 0) ?? null;
  }

  balance(asset) {
    return this.account?.balances.find(one => one.asset === asset) ?? null;
  }

  profit({market, size, entry_notional: entry, unsettled}) {
    const mark = this.venue.tickers.get(market)?.mark;
    return mark == null ? null : notional(size, mark, this.venue.markets[market].unit) - BigInt(entry) + BigInt(unsettled ?? 0);
  }

  draw() {
    const {account, session} = this,
      box = byId("mine");
    byId("money").replaceChildren();
    if (session.user === null)
      return void box.replaceChildren(el("p.hint", {}, "Log in, or trade as a guest: then your positions and orders are here."));
    if (session.account === null) {
      return void box.replaceChildren(
        el("p.hint", {}, "This user has no account yet. "),
        el("button", {type: "button", id: "open-account", onclick: () => this.fund()}, `Open one, with ${this.venue.gift} of play money`),
      );
    }
    if (!account) return;
    this.drawMoney(account);
    const focused = box.contains(document.activeElement) ? document.activeElement.dataset.of : null;
    const positions = account.positions.filter(one => one.size !== 0);
    box.replaceChildren(
      positions.length ? this.positions(positions) : el("p.hint", {}, "No positions."),
      account.orders.length ? this.openOrders(account.orders) : el("p.hint", {}, "No open orders."),
    );
    if (focused) box.querySelector(`[data-of="${focused}"]`)?.focus(); // rows are made anew: who was on a button stays on it
  }

  drawMoney(account) {
    const {settlement_asset: asset} = this.venue.market,
      balance = this.balance(asset);
    if (!balance) return;
    const pair = (name, value) => el("span", {}, el("span.soft", {}, `${name} `), value);
    byId("money").append(
      pair("equity", `${money(balance.equity)} ${this.venue.asset}`),
      pair("available", `${money(balance.available)} ${this.venue.asset}`),
      el("button.small", {type: "button", id: "add-money", title: MORE, onclick: () => this.fund()}, `Add ${this.venue.gift}`),
    );
  }

  positions(positions) {
    const rows = positions.map(one => {
      const market = this.venue.markets[one.market],
        {tick, lot, unit} = market,
        profit = this.profit(one);
      const entry = Math.round(Number(one.entry_notional) / one.size / unit),
        told = profit === null ? "–" : `${signed(money(profit))} ${this.venue.rules.assets[market.settlement_asset]}`;
      return [
        el("span", {class: one.size > 0 ? "up" : "down"}, `${market.name} ${one.size > 0 ? "long" : "short"} ${one.leverage}×`),
        decimal(Math.abs(one.size), lot),
        decimal(entry, tick),
        el("span", {class: profit >= 0n ? "up" : "down"}, told),
        one.liquidation_price === null ? "none" : decimal(one.liquidation_price, tick),
        el(
          "button.small",
          {"type": "button", "data-of": `p${one.market}`, "onclick": () => this.close(one), "aria-label": `Close ${market.name}`},
          "Close",
        ),
      ];
    });
    return table(["position", "size", "entry", "profit", "liquidation", ""], rows, "Positions");
  }

  openOrders(orders) {
    const rows = orders.map(one => {
      const market = this.venue.markets[one.market],
        {tick, lot} = market;
      return [
        el("span", {class: one.side === "BUY" ? "up" : "down"}, `${market.name} ${one.side === "BUY" ? "buy" : "sell"}`),
        decimal(one.size, lot),
        decimal(one.price, tick),
        decimal(one.filled, lot),
        one.reduce_only ? "reduce only" : one.tif === "GTC" ? "" : one.tif.toLowerCase().replace("_", " "),
        el(
          "button.small",
          {
            "type": "button",
            "data-of": `o${one.order_id}`,
            "onclick": () => this.cancel(one),
            "aria-label": `Cancel order ${one.order_id}`,
          },
          "Cancel",
        ),
      ];
    });
    return table(["order", "open", "price", "filled", "", ""], rows, "Open orders");
  }

  close({market, size}) {
    const side = size > 0 ? "SELL" : "BUY";
    const order = {account: this.session.account, market, side, size: Math.abs(size), price: 0, order_type: "MARKET", reduce_only: 1};
    return this.send("place", order, reply =>
      reply.status === "queued"
        ? "It waits for its turn."
        : reply.filled
          ? "The position is closed, as far as the book went."
          : "Nobody was there to trade with.",
    );
  }

  cancel({order_id}) {
    return this.send("cancel", {account: this.session.account, order_id}, () => "Cancelled.");
  }

  async send(op, fields, words) {
    try {
      tell(byId("told"), words(await this.wire.ask(op, fields)));
    } catch (error) {
      tell(byId("told"), error.message, true);
    }
    this.refreshSoon();
  }

  async fund() {
    const {market, gift, rules} = this.venue,
      late = rules.money.deposit_delay_ms;
    try {
      await this.session.fund(market.settlement_asset);
      tell(byId("told"), late ? `${gift} of play money will be there in ${duration(late)}.` : `${gift} of play money added.`);
    } catch (error) {
      tell(byId("told"), error.message, true);
    }
    this.refreshSoon();
  }
}
