// The operator's panel: time, prices, who trades, the markets, playbooks, and states to go back to. Each button is one request.

import {byId, el, setText, tell} from "./dom.js";
import {NumberField, TextField} from "./fields.js";
import {Playbooks} from "./playbooks.js";
import {changesIn} from "./spoken.js";

const SPEEDS = [1, 5, 20, 100];
const STATUSES = ["ACTIVE", "POST_ONLY", "CANCEL_ONLY", "REDUCE_ONLY", "HALTED"];
const HOUR_MS = 3_600_000;
const bounds = (least, most, digits, above = false) => () => ({least, most, digits, above}); // those of the request, in people's units
const SHOCK = bounds(-90, 900, 4),
  LAG = bounds(0, 3600, 3),
  STEP = bounds(0, 86_400, 3, true),
  MAINTENANCE = bounds(0, 525_600, 3, true); // a year
const words = name => name.toLowerCase().replaceAll("_", " ");

export class Control {
  constructor(venue, wire, session, about) {
    Object.assign(this, {venue, wire, session, about});
    this.notes = {prices: el("b.warn"), bots: el("b.warn")};
    session.watchers.push(() => this.draw());
    venue.on("market", () => this.showMarket());
    venue.on("rewound", () => this.showWorld());
    this.draw();
  }

  draw() {
    const {isOperator} = this.session,
      box = byId("control");
    document.body.classList.toggle("operator", isOperator);
    if (!isOperator) {
      this.drawn = false;
      const {trusts} = this.about;
      return void box.replaceChildren(
        el(
          "p.hint",
          {},
          trusts
            ? "Stop the time, let the price jump, send the makers away: this server trusts whoever asks."
            : "The operator stops the time, lets the price jump, sends the makers away. perplab serve prints the key when it starts.",
        ),
        el(
          "button.primary",
          {type: "button", id: "take-control", onclick: () => (trusts ? this.take() : byId("login").showModal())},
          trusts ? "Take the controls" : "Log in as the operator",
        ),
      );
    }
    if (this.drawn) return; // a reconnect leaves what is filled in
    this.drawn = true;
    box.replaceChildren(this.time(), this.prices(), this.traders(), this.markets(), new Playbooks(this).node, this.states());
    this.showMarket();
    this.showWorld();
    this.refresh();
  }

  async take() {
    try {
      await this.session.control();
    } catch (error) {
      tell(byId("done"), error.message, true);
    }
  }

  group(title, ...children) {
    return el("fieldset", {}, el("legend", {}, title), ...children);
  }
  noted(title, note) {
    return el("span.noted", {}, title, " ", note);
  }
  button(text, act, more = {}) {
    return el("button", {type: "button", onclick: act, ...more}, text);
  }

  select(label, options) {
    const input = el("select", {"aria-label": label}, ...options.map(([value, text]) => el("option", {value}, text)));
    return {input, node: input};
  }

  /** One request; what came of it is told: `text`. Returns the reply, or null. */
  async send(op, fields, text) {
    try {
      const reply = await this.wire.ask(op, fields);
      tell(byId("done"), text);
      this.venue.tell("controlled", op);
      if (op === "world") this.showWorld();
      return reply;
    } catch (error) {
      tell(byId("done"), `Not done: ${error.message}.`, true);
      return null;
    }
  }

  /** What is in a field, or null: it says why, and nothing that was told before is taken for the outcome. */
  read(field) {
    const found = field.read();
    if (found === null) tell(byId("done"), "");
    return found;
  }

  world(fields, text) {
    return this.send("world", fields, text);
  }

  /** What is not as it was at first, beside the names of the groups: who comes later, or plays a playbook, sees it too. */
  async showWorld() {
    if (!this.session.isOperator) return;
    try {
      const {prices, bots} = changesIn((await this.wire.ask("world")).world);
      setText(this.notes.prices, prices);
      setText(this.notes.bots, bots);
    } catch {
      /* it is asked again when something is changed */
    }
  }

  time() {
    const field = new NumberField("s", 10, STEP, {"id": "step-seconds", "aria-label": "Seconds to step"});
    return this.group(
      "Time",
      this.button("❚❚ Pause", () => this.send("clock", {speed: 0}, "The venue's time stands."), {id: "pause"}),
      this.button("▶ Run", () => this.send("clock", {speed: 1}, "The venue's time runs."), {id: "run"}),
      el(
        "span.segmented",
        {"role": "group", "aria-label": "Speed"},
        ...SPEEDS.map(speed =>
          this.button(`${speed}×`, () => this.send("clock", {speed}, `The venue's time runs ${speed} times as fast.`)),
        ),
      ),
      el(
        "span.pair",
        {},
        field.node,
        this.button("Step", () => this.step(this.read(field)), {id: "step"}),
      ),
    );
  }

  /** Only time that stands is stepped. */
  async step(seconds) {
    if (seconds === null) return;
    if (await this.send("clock", {speed: 0}, "…")) await this.send("step", {ms: Math.round(seconds * 1000)}, `${seconds} s have passed.`);
  }

  prices() {
    const zero = "At 0 % the price does not jump.";
    const shock = new NumberField("%", -10, SHOCK, {"id": "shock", "aria-label": "Shock in percent", zero}),
      lag = new NumberField("s", 5, LAG, {"aria-label": "Lag in seconds"});
    const where = this.select("Where the price jumps", [
      ["one", "this market"],
      ["all", "all markets"],
    ]);
    return this.group(
      this.noted("Outside price", this.notes.prices),
      el(
        "span.pair",
        {},
        shock.node,
        where.node,
        this.button("Shock", () => this.shock(this.read(shock), where.input.value), {id: "do-shock", class: "danger"}),
      ),
      this.button("Freeze oracle", () => this.world({oracle: "frozen"}, "The oracle is frozen: the venue hears no new price."), {
        id: "freeze",
      }),
      this.button("Let it run", () => this.world({oracle: "runs", lag_ms: 0}, "The oracle runs, without a lag.")),
      el(
        "span.pair",
        {},
        lag.node,
        this.button("Lag", () => this.lag(this.read(lag))),
      ),
    );
  }

  shock(percent, where) {
    if (percent === null) return;
    const {name, market} = this.venue.market,
      shock = {shock_ppm: Math.round(percent * 10_000)};
    return where === "all"
      ? this.world(shock, `All prices jump by ${percent} %.`)
      : this.world({...shock, market}, `The price of ${name} jumps by ${percent} %.`);
  }

  lag(seconds) {
    if (seconds !== null) this.world({lag_ms: Math.round(seconds * 1000)}, `The venue hears prices ${seconds} s late.`);
  }

  traders() {
    const pair = who => [
      this.button(`${who[0].toUpperCase() + who.slice(1)} leave`, () => this.world({[who]: "gone"}, `The ${who} are gone.`)),
      this.button("return", () => this.world({[who]: "stay"}, `The ${who} are back.`), {"aria-label": `${who} return`}),
    ];
    return this.group(this.noted("Bots", this.notes.bots), el("span.pair", {}, ...pair("makers")), el("span.pair", {}, ...pair("takers")));
  }

  markets() {
    const status = this.select(
      "Status of the market",
      STATUSES.map(one => [one, words(one)]),
    );
    const most = () => 100 / this.fundingHours; // a rate is 100 % of a position's worth at most, for its interval
    const minutes = new NumberField("min", 1, MAINTENANCE, {"aria-label": "Minutes of maintenance"}),
      rate = new NumberField("% / h", 0.1, () => bounds(-most(), most(), 6)(), {"aria-label": "Funding rate, percent an hour"});
    const maintenance = this.button("Maintenance", () => this.maintain(this.read(minutes)), {
      title: "Halted, from now on for so long",
    });
    this.marketLegend = el("legend", {}, "Market");
    return el(
      "fieldset",
      {},
      this.marketLegend,
      el(
        "span.pair",
        {},
        status.node,
        this.button("Set", () =>
          this.send(
            "set_market_status",
            {market: this.venue.at, status: status.input.value},
            `${this.venue.market.name} is ${words(status.input.value)}.`,
          ),
        ),
      ),
      el("span.pair", {}, minutes.node, maintenance),
      el(
        "span.pair",
        {},
        rate.node,
        this.button("Set funding", () => this.setFunding(this.read(rate))),
        this.button("by rule", () => this.send("set_funding", {market: this.venue.at, mode: "RULE"}, "Funding goes by the venue's rule.")),
      ),
    );
  }

  showMarket() {
    if (this.marketLegend && this.venue.market) this.marketLegend.textContent = `Market ${this.venue.market.name}`;
  }

  async maintain(minutes) {
    if (minutes === null) return;
    const now = Number((await this.wire.ask("ping")).ts),
      begin = now + 1e9; // [ns] a double is exact enough: to 256 ns
    const window = {market: this.venue.at, start: begin, end: begin + Math.round(minutes * 60e9), during: "HALTED"};
    await this.send("schedule_maintenance", window, `${this.venue.market.name} is halted for ${minutes} min, from the next second on.`);
  }

  /** The venue takes a rate for its interval: so many hours. */
  get fundingHours() {
    return (this.venue.market.funding?.interval_ms || HOUR_MS) / HOUR_MS;
  }

  setFunding(percent) {
    if (percent === null) return;
    const fields = {market: this.venue.at, mode: "SET", rate_ppt: Math.round(percent * this.fundingHours * 1e10)},
      [from, to] = percent < 0 ? ["Shorts", "longs"] : ["Longs", "shorts"];
    this.send("set_funding", fields, `${from} pay ${Math.abs(percent)} % an hour to ${to}.`);
  }

  states() {
    const name = new TextField("name", "before", "Under which name? At most 32 letters.", {id: "kept-as", size: "9", maxlength: "32"});
    this.kept = this.select("State to go back to", [["", "none kept"]]);
    return this.group(
      "Snapshots",
      el(
        "span.pair",
        {},
        name.node,
        this.button("Keep", () => this.keep(this.read(name)), {id: "keep"}),
      ),
      el(
        "span.pair",
        {},
        this.kept.node,
        this.button("Go back", () => this.back(this.kept.input.value), {id: "rewind"}),
      ),
    );
  }

  async keep(name) {
    if (name !== null && (await this.send("snapshot", {name}, `Kept as ${name}.`))) this.refresh();
  }

  back(name) {
    if (!name) return tell(byId("done"), "No state has been kept yet.", true);
    this.send("rewind", {name}, `Back at ${name}.`);
  }

  async refresh() {
    try {
      const {names} = await this.wire.ask("snapshots");
      const options = names.length ? names.map(name => el("option", {value: name}, name)) : [el("option", {value: ""}, "none kept")];
      this.kept.input.replaceChildren(...options);
      if (names.length) this.kept.input.value = names.at(-1);
    } catch {
      /* it is asked again when one is kept */
    }
  }
}
