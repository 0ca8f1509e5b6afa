// The user's own account: money, positions with a button that closes them; open orders, triggers and TWAPs with one that cancels.

import {byId, el, setText, tell} from "./dom.js";
import {soon} from "./frame.js";
import {decimal, duration, money, notional, signed} from "./numbers.js";
import {Rows} from "./rows.js";
import {bracketNote, TRIGGER_HEADS, triggerRow, TWAP_HEADS, twapRow} from "./waiting.js";

const MORE = "Play money from nowhere, into your account: as often as you like";
const SOON_MS = 120,
  OFTEN_MS = 1000; // after an event of one's own; and because the mark moves

export class Mine {
  constructor(venue, wire, session) {
    Object.assign(this, {venue, wire, session, account: null, triggers: null, twaps: null, orders: new Set(), watchers: []});
    this.brackets = new Map(); // by id of the entry: what it will place as far as it fills, which no question tells before
    this.make();
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
    this.brackets.clear();
    if (account !== null) this.end = this.wire.listen("private", {account}, told => this.hear(told));
    this.refresh();
    this.tellWatchers();
  }

  hear({events = []}) {
    for (const event of events) if (event.type === "BracketPlaced") this.brackets.set(event.order_id, event);
    this.refreshSoon();
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
        const [told, triggers, twaps] = await Promise.all(["account", "triggers", "twaps"].map(op => this.wire.ask(op, {account})));
        if (account === this.session.account) Object.assign(this, {account: told, triggers, twaps});
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

  /** All that is shown is made once: what is pressed or has the focus stays where it is. */
  make() {
    const button = (id, more = {}) => el("button", {type: "button", id, onclick: () => this.fund(), ...more});
    this.stranger = el("p.hint", {}, "Log in, or trade as a guest: then your positions and orders are here.");
    this.opening = button("open-account");
    this.newcomer = el("div", {}, el("p.hint", {}, "This user has no account yet. "), this.opening);
    this.lists = {
      positions: new Rows("Positions", ["position", "size", "entry", "profit", "liquidation"], "No positions."),
      orders: new Rows("Open orders", ["order", "open", "price", "filled", "note"], "No open orders."),
      triggers: new Rows("Orders that wait for a price", TRIGGER_HEADS),
      twaps: new Rows("TWAPs that run", TWAP_HEADS),
    };
    this.known = el("div", {}, ...Object.values(this.lists).map(({node}) => node));
    const figure = name => el("span", {}, el("span.soft", {}, `${name} `), (this[name] = el("span")));
    this.adding = button("add-money", {class: "small", title: MORE});
    byId("money").append(figure("equity"), figure("available"), this.adding);
  }

  draw() {
    const {account, session, venue} = this,
      {market} = venue,
      balance = account && market ? this.balance(market.settlement_asset) : null;
    const shown = session.user === null ? this.stranger : session.account === null ? this.newcomer : account && this.known,
      box = byId("mine");
    if (box.firstElementChild !== shown) box.replaceChildren(...(shown ? [shown] : []));
    byId("money").hidden = !balance;
    if (market) {
      setText(this.opening, `Open one, with ${venue.gift} of play money`);
      setText(this.adding, `Add ${venue.gift}`);
    }
    if (balance) for (const name of ["equity", "available"]) setText(this[name], `${money(balance[name])} ${venue.asset}`);
    if (!account) return;
    const {positions, orders, triggers, twaps} = this.lists,
      marketOf = one => venue.markets[one.market],
      bracketOf = one => bracketNote(this.brackets.get(one.order_id), marketOf(one));
    positions.show(account.positions.filter(one => one.size !== 0).map(one => this.positionRow(one, marketOf(one))));
    orders.show(
      account.orders.map(one => this.withCancel(orderRow(one, marketOf(one), bracketOf(one)), "order")),
      account.more,
    );
    triggers.show(
      this.triggers.triggers.map(one => this.withCancel(triggerRow(one, marketOf(one)), "trigger")),
      this.triggers.more,
    );
    twaps.show(
      this.twaps.twaps.map(one => this.withCancel(twapRow(one, marketOf(one), bracketOf(one)), "TWAP")),
      this.twaps.more,
    );
  }

  positionRow(one, market) {
    const {tick, lot, unit} = market,
      profit = this.profit(one);
    const entry = Math.round(Number(one.entry_notional) / one.size / unit),
      told = profit === null ? "–" : `${signed(money(profit))} ${this.venue.rules.assets[market.settlement_asset]}`;
    return {
      key: one.market,
      cells: [
        `${market.name} ${one.size > 0 ? "long" : "short"} ${one.leverage}×`,
        decimal(Math.abs(one.size), lot),
        decimal(entry, tick),
        told,
        one.liquidation_price === null ? "none" : decimal(one.liquidation_price, tick),
      ],
      color: {0: one.size > 0 ? "up" : "down", 3: profit >= 0n ? "up" : "down"},
      button: "Close",
      label: `Close ${market.name}`,
      act: () => this.close(one),
    };
  }

  /** `what`: kind of thing that the row is of. */
  withCancel(row, what) {
    return {...row, button: "Cancel", label: `Cancel ${what} ${row.key}`, act: () => this.cancel(row.key)};
  }

  close({market, size}) {
    const side = size > 0 ? "SELL" : "BUY";
    const order = {account: this.session.account, market, side, size: Math.abs(size), price: 0, order_type: "MARKET", reduce_only: 1};
    return this.send("place", order, reply =>
      reply.status === "queued"
        ? "It waits for its turn."
        : reply.filled
          ? `The position is closed, as far as the book went.${this.isOpenedAgain(market) ? " A TWAP that runs may open it again." : ""}`
          : "Nobody was there to trade with.",
    );
  }

  isOpenedAgain(market) {
    return this.twaps?.twaps.some(one => one.market === market && !one.reduce_only);
  }

  cancel(order_id) {
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

function orderRow(one, {name, tick, lot}, bracket) {
  const notes = one.reduce_only ? ["reduce only"] : one.tif === "GTC" ? [] : [one.tif.toLowerCase().replace("_", " ")];
  if (one.linked_with) notes.push(`goes when ${one.linked_with} trades`);
  if (bracket) notes.push(bracket);
  return {
    key: one.order_id,
    cells: [
      `${name} ${one.side === "BUY" ? "buy" : "sell"}`,
      decimal(one.size, lot),
      decimal(one.price, tick),
      decimal(one.filled, lot),
      notes.join(", "),
    ],
    color: {0: one.side === "BUY" ? "up" : "down"},
  };
}
