// What was liquidated: who, how, against whom, and who paid. And who is nearest to it, where the operator looks.

import {byId, el, setText, table} from "./dom.js";
import {clock, decimal, money} from "./numbers.js";

const KEPT = 300,
  SHOWN = 40,
  NAMED = 2,
  OFTEN_MS = 1000;
const HOW = {
  BOOK: "into the book",
  AUCTION: "by auction",
  TAKEOVER: "by takeover",
  ADL: "by auto-deleveraging",
  SETTLEMENT: "by settlement",
};
const OWN = [
  "the insurance fund",
  "fees",
  "rounding",
  "clearing",
  "uncovered losses",
  "the backstop vault",
  "the curve",
  "payments under way",
]; // by account
const PAYER = {
  INSURANCE_FUND: "the insurance fund",
  SOCIALIZED: "all who have a position (socialised)",
  VAULT: "the backstop vault",
  UNCOVERED: "nobody (uncovered)",
  OTHER: "somebody else",
};

export class Feed {
  constructor(venue, wire, session, chart) {
    Object.assign(this, {venue, wire, session, chart, slices: [], since: 0});
    venue.on("liquidation", () => this.fetchSoon());
    for (const topic of ["anew", "rules"]) venue.on(topic, () => this.anew());
    venue.on("market", () => this.show());
    session.watchers.push(() => {
      if (this.operator !== session.isOperator || this.user !== session.user) this.anew();
    });
    setInterval(() => {
      this.fetch();
      this.fetchRisk();
    }, OFTEN_MS);
    this.show();
    this.drawRisk([]);
  }

  anew() {
    this.operator = this.session.isOperator;
    this.user = this.session.user;
    this.slices = [];
    this.since = 0;
    this.round = (this.round ?? 0) + 1;
    this.show();
    this.fetch();
    this.fetchRisk();
  }

  fetchSoon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.fetch();
    }, 150);
  }

  /** What is new since the last one that is known. */
  async fetch() {
    if (!this.wire.isOpen || this.isAsking || document.hidden || !this.venue.rules) return;
    this.isAsking = true;
    const {round} = this;
    try {
      const {liquidations} = await this.wire.ask("liquidations", {since: this.since, limit: 200});
      if (round !== this.round || !liquidations.length) return;
      this.since = liquidations.at(-1).seq;
      this.slices = [...this.slices, ...liquidations].slice(-KEPT);
      this.show();
    } catch {
      /* asked again in a second */
    } finally {
      this.isAsking = false;
    }
  }

  show() {
    const {venue} = this;
    setText(byId("feed-hint"), this.session.isOperator ? "" : "names are for the operator");
    this.chart.mark(this.slices.filter(one => one.market === venue.at && one.size));
    const shown = this.slices
      .slice(-SHOWN)
      .reverse()
      .map(one => this.item(one));
    byId("feed").replaceChildren(
      ...(shown.length ? shown : [el("li.hint", {}, "Nobody has been liquidated. The operator can let the price jump.")]),
    );
  }

  name(account, user) {
    return user ?? (account === null ? "somebody" : (OWN[account] ?? `house bot ${account}`));
  }

  item(one) {
    const market = this.venue.markets[one.market];
    if (!market) return null;
    const who = this.name(one.account, one.user),
      size = decimal(Math.abs(one.size), market.lot),
      side = one.size > 0 ? "long" : "short";
    const price = one.price === null ? "" : ` at ${decimal(one.price, market.tick)}`;
    const closed = one.size ? `${side} ${size} ${market.name} closed ${HOW[one.method]}${price}` : "the account is settled";
    const kind = one.method === "ADL" ? "adl" : one.method.toLowerCase();
    return el(
      `li.${kind}`,
      {},
      el("span.when", {}, clock(one.ts)),
      el("span.method", {}, one.method === "ADL" ? "ADL" : one.method.toLowerCase()),
      el("span.what", {}, el("strong", {}, `${who}: `), closed, this.against(one, market), this.paid(one)),
    );
  }

  /** Against whom: each once, those who took most first. */
  against({against}, {lot}) {
    if (!against?.length) return null;
    const lots = new Map();
    for (const {account, user, size} of against)
      lots.set(this.name(account, user), (lots.get(this.name(account, user)) ?? 0) + Math.abs(size));
    const all = [...lots].sort((a, b) => b[1] - a[1]);
    const told = all.slice(0, NAMED).map(([name, size]) => (all.length === 1 ? name : `${name} (${decimal(size, lot)})`));
    if (all.length > NAMED) told.push(`${all.length - NAMED} more`);
    return ` against ${told.join(" and ")}`;
  }

  /** Who paid what the account could not. */
  paid({deficit, paid}) {
    if (!Number(deficit)) return null;
    const told = (paid ?? []).map(({payer, amount}) => `${PAYER[payer] ?? payer} paid ${money(amount)}`);
    return el(
      "span.paid",
      {},
      ` Deficit ${money(deficit)} ${this.venue.asset}: ${told.join(", ") || "the winners gave it up at the bankruptcy price"}.`,
    );
  }

  async fetchRisk() {
    if (!this.session.isOperator || !this.wire.isOpen || document.hidden) return this.drawRisk([]);
    try {
      this.drawRisk((await this.wire.ask("accounts_at_risk", {limit: 12})).accounts);
    } catch {
      /* asked again in a second */
    }
  }

  drawRisk(accounts) {
    if (!this.session.isOperator) {
      if (this.riskDrawn !== "no") byId("risk").replaceChildren(el("p.hint", {}, "Only the operator sees other people's accounts."));
      this.riskDrawn = "no";
      return;
    }
    this.riskDrawn = "yes";
    if (!accounts.length) return void byId("risk").replaceChildren(el("p.hint", {}, "Nobody has a position."));
    byId("risk").replaceChildren(
      table(
        ["account", "ratio", "position", "liquidation", "mark"],
        accounts.map(one => this.riskRow(one)),
        "Accounts nearest to liquidation",
      ),
    );
  }

  riskRow({account, user, ratio_ppm: ppm, positions, liquidated}) {
    const ratio = Number(ppm) / 1e6,
      level = liquidated || ratio < 1.25 ? "high" : ratio < 2.5 ? "mid" : "low";
    const told = liquidated ? "in liquidation" : ratio >= 1000 ? "> 1000×" : `${ratio.toFixed(2)}×`;
    const nearest = positions.toSorted((a, b) => this.nearness(a) - this.nearness(b))[0],
      market = nearest && this.venue.markets[nearest.market];
    const bar = el("i.meter", {}),
      badge = el("span.ratio." + level, {}, bar, told);
    bar.style.transform = `scaleX(${Math.max(0.04, Math.min(1, 1 / Math.max(ratio, 0.01)))})`;
    if (!nearest) return [this.name(account, user), badge, null, null, null];
    const more = positions.length > 1 ? ` and ${positions.length - 1} more` : "";
    return [
      this.name(account, user),
      badge,
      el(
        "span",
        {class: nearest.size > 0 ? "up" : "down"},
        `${nearest.size > 0 ? "long" : "short"} ${decimal(Math.abs(nearest.size), market.lot)} ${market.name}${more}`,
      ),
      nearest.liquidation_price === null ? "none" : decimal(nearest.liquidation_price, market.tick),
      decimal(nearest.mark, market.tick),
    ];
  }

  /** How far the mark is from the liquidation price. */
  nearness({liquidation_price: price, mark}) {
    return price === null ? Infinity : Math.abs(price - mark) / mark;
  }
}
