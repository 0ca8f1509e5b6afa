// Puts the page together: one connection, what is known of the venue, and the panels that show it.

import {BookPanel} from "./book_panel.js";
import {ChartPanel} from "./chart_panel.js";
import {Control} from "./control.js";
import {byId, el, setClass, setText, tell} from "./dom.js";
import {Feed} from "./feed.js";
import {soon} from "./frame.js";
import {Gauges} from "./gauges.js";
import {Mine} from "./mine.js";
import {compact, dateAndClock, decimal, duration, float, millis, money, percent, short} from "./numbers.js";
import {rulesOf} from "./rules.js";
import {Session} from "./session.js";
import {Ticket} from "./ticket.js";
import {Venue} from "./venue.js";
import {Wire} from "./wire.js";

const about = await fetch("dashboard/about.json")
  .then(answer => answer.json())
  .catch(() => ({trusts: false, playbooks: []}));
const wire = new Wire(),
  session = new Session(wire),
  venue = new Venue(wire);
const mine = new Mine(venue, wire, session),
  ticket = new Ticket(venue, wire, session, mine);
new BookPanel(
  venue,
  price => ticket.pick(price),
  (side, price) => mine.hasOrder(side, price),
);
const chart = new ChartPanel(venue, wire),
  feed = new Feed(venue, wire, session, chart),
  control = new Control(venue, wire, session, about);
new Gauges(venue);

// -- the connection --

wire.watchers.push(async (state, more) => {
  const isLost = state === "lost";
  byId("lost").hidden = !isLost;
  document.body.classList.toggle("stale", isLost);
  if (isLost) {
    const why = more.reason ? ` (${more.reason})` : "",
      seconds = Math.max(1, Math.round(more.wait / 1000));
    return void setText(byId("lost-text"), `Connection lost${why}. What is shown is old. Trying again in ${seconds} s.`);
  }
  try {
    await venue.load();
    await session.restore();
  } catch (error) {
    if (error.reason !== "LOST") tell(byId("told"), `Not logged in: ${error.message}`, true);
  }
  showSpeed();
});
byId("retry").addEventListener("click", () => wire.again());

// -- the head: markets, figures, time --

const tabs = new Map();

venue.on("rules", () => {
  setText(byId("venue-name"), venue.rules.name);
  document.title = `${venue.rules.name} · perplab`;
  tabs.clear();
  byId("markets").replaceChildren(
    ...venue.markets.map(({market, name}) => {
      const price = el("span.price"),
        node = el("button", {type: "button", onclick: () => venue.show(market)}, el("strong", {}, name), price);
      tabs.set(market, {node, price});
      return node;
    }),
  );
  showMarkets();
});
venue.on("market", showMarkets);
venue.on("market", () => {
  for (const node of document.querySelectorAll("[data-unit]")) setText(node, node.dataset.unit === "coin" ? venue.coin : venue.asset);
});
for (const topic of ["ticker", "status", "fund", "market"]) venue.on(topic, () => soon(showHead));

function showMarkets() {
  for (const [market, {node}] of tabs) node.setAttribute("aria-pressed", String(market === venue.at));
}

const stats = new Map(
  ["Mark", "Oracle", "Last", "Funding", "Next funding", "Open interest", "Insurance fund", "Backstop vault", "Status"].map(name => {
    const value = el("dd", {}, "–");
    byId("stats").append(el("div", {}, el("dt", {}, name), value));
    return [name, value];
  }),
);

function showHead() {
  for (const [market, {price}] of tabs) {
    const ticker = venue.tickers.get(market),
      now = ticker?.mark ?? ticker?.last;
    const before = Number(price.dataset.is ?? now);
    if (now != null && now !== before) setClass(price, now > before ? "price up" : "price down");
    if (now != null) price.dataset.is = now;
    setText(price, decimal(now, venue.markets[market].tick));
  }
  const {market, ticker, fund, asset} = venue;
  if (!market || !ticker) return;
  const isSpot = market.kind === "spot"; // nobody holds a position there
  const show = (name, text) => setText(stats.get(name), text),
    status = venue.statuses.get(venue.at)?.status ?? "ACTIVE";
  for (const name of ["mark", "oracle", "last"]) show(name[0].toUpperCase() + name.slice(1), decimal(ticker[name], market.tick));
  const per = market.funding?.interval_ms ? ` / ${duration(market.funding.interval_ms).replace(/^1 /, "")}` : "";
  show("Funding", ticker.funding_rate_ppt == null || isSpot ? "–" : percent(Number(ticker.funding_rate_ppt) / 1e12, 5) + per);
  show("Next funding", ticker.funding_ts && venue.ts ? countdown(ticker.funding_ts) : "–");
  show("Open interest", isSpot ? "–" : `${compact(float(ticker.open_interest, market.lot))} ${venue.coin}`);
  show("Insurance fund", fund ? `${money(fund.balances[market.settlement_asset])} ${asset}` : "–");
  show("Backstop vault", fund ? `${money(fund.vault_equities[market.settlement_asset])} ${asset}` : "–");
  show("Status", status.toLowerCase().replace("_", " "));
  setClass(stats.get("Status"), status === "ACTIVE" ? "" : "warn");
}

function countdown(ns) {
  const left = Math.max(0, Math.floor((millis(ns) - millis(venue.ts)) / 1000)),
    two = number => String(number).padStart(2, "0");
  return `${two(Math.floor(left / 3600))}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
}

venue.on("time", () => {
  setText(byId("time"), dateAndClock(venue.ts));
  soon(showHead);
});
venue.on("controlled", op => {
  if (op === "clock" || op === "step") showSpeed();
});
venue.on("rewound", told => {
  tell(byId("told"), `The venue is back at "${told.snapshot}".`);
  showSpeed();
});

/** The speed of time is a fact of the server, not of the venue: its status tells it. */
async function showSpeed() {
  try {
    const {clock} = await fetch("status.json", {cache: "no-store"}).then(answer => answer.json());
    setText(byId("clock-speed"), clock === "real" ? "live" : clock === "stepped" ? "paused" : clock.replace("x", "") + "×");
    setClass(byId("clock-speed"), `tag ${clock === "stepped" ? "warn" : ""}`);
  } catch {
    /* the bar says that the connection is lost */
  }
}

// -- who is logged in --

session.watchers.push(() => {
  setText(byId("who"), session.user ?? "");
  setText(byId("show-login"), session.user ? "Log out" : "Log in");
  setClass(byId("who"), session.isOperator ? "who operator" : "who");
  const {earlier, user} = session;
  byId("give-back").hidden = !earlier || !session.isOperator;
  byId("again").hidden = !earlier;
  if (!earlier) return;
  setText(byId("give-back"), earlier.user === user ? "Give the controls back" : `Be ${short(earlier.user)} again`);
  setText(byId("again"), `Be ${short(earlier.user)} again`);
});

for (const id of ["give-back", "again"])
  byId(id).addEventListener("click", async () => {
    const {user} = session.earlier;
    try {
      await session.back();
      tell(byId("told"), `You are ${user} again.`);
    } catch (error) {
      tell(byId("told"), error.message, true);
    }
  });

byId("by-name").hidden = !about.trusts;
setText(
  byId("login-hint"),
  about.trusts
    ? "This server trusts: a name is enough, also a new one, and may do all that the operator may."
    : "With a key and its secret: your own, or the operator's, which perplab serve prints. The secret stays in this page.",
);
byId("show-login").addEventListener("click", () => {
  if (session.user) return void session.logout().catch(() => {});
  byId("login").showModal();
});

for (const [form, proof] of [
  ["by-name", ({name}) => ({name: name.value.trim()})],
  ["by-key", ({key, secret}) => ({key: key.value.trim(), secret: secret.value.trim()})],
]) {
  byId(form).addEventListener("submit", async event => {
    event.preventDefault();
    const empty = [...byId(form).querySelectorAll("input")].find(({value}) => !value.trim());
    if (empty) {
      empty.focus();
      return tell(byId("login-why"), `The ${empty.name} is missing.`, true);
    }
    try {
      await session.login(proof(byId(form).elements));
      byId("by-key").elements.secret.value = "";
      tell(byId("login-why"), "");
      byId("login").close();
    } catch (error) {
      tell(byId("login-why"), error.message, true);
    }
  });
}

// -- drawers --

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", event => {
    if (event.target === dialog) dialog.close();
  }); // outside of it
}
byId("show-rules").addEventListener("click", () => {
  if (!venue.rules) return;
  byId("rules-text").replaceChildren(...rulesOf(venue));
  byId("rules").showModal();
});

// -- the position on the chart, and what goes by the second --

mine.watchers.push(() => {
  const {position} = mine,
    {market} = venue;
  if (!position) return chart.showOwn([]);
  const entry = Number(position.entry_notional) / position.size / market.unit,
    side = position.size > 0 ? "long" : "short";
  const entries = [{price: float(entry, market.tick), title: side, color: "mark"}];
  if (position.liquidation_price !== null)
    entries.push({price: float(position.liquidation_price, market.tick), title: "liquidation", color: "down"});
  chart.showOwn(entries);
});

setInterval(() => {
  if (!venue.market) return;
  venue.sample();
  if (!document.hidden) chart.candles.fetch();
}, 1000);
setInterval(() => {
  if (wire.isOpen && !document.hidden) showSpeed();
}, 5000);

Object.assign(globalThis.perplab, {wire, venue, session, feed, control, chart});
wire.connect();
