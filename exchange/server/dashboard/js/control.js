// The operator's panel: time, prices, who trades, the markets, playbooks, and states to go back to. Each button is one request.

import {byId, el, tell} from "./dom.js";
import {needsUser, Run, told} from "./playbooks.js";

const SPEEDS = [1, 5, 20, 100];
const STATUSES = ["ACTIVE", "POST_ONLY", "CANCEL_ONLY", "REDUCE_ONLY", "HALTED"];
const words = name => name.toLowerCase().replaceAll("_", " ");

export class Control {
  constructor(venue, wire, session, about) {
    Object.assign(this, {venue, wire, session, about});
    session.watchers.push(() => this.draw());
    venue.on("market", () => this.showMarket());
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
    box.replaceChildren(this.time(), this.prices(), this.traders(), this.markets(), this.playbooks(), this.states());
    this.showMarket();
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
  button(text, act, more = {}) {
    return el("button", {type: "button", onclick: act, ...more}, text);
  }
  number(label, value, more = {}) {
    const input = el("input", {value: String(value), inputmode: "decimal", size: "5", ...more});
    return {input, node: el("label.inline", {}, el("span", {}, label), input)};
  }

  select(label, options) {
    const input = el("select", {"aria-label": label}, ...options.map(([value, text]) => el("option", {value}, text)));
    return {input, node: input};
  }

  /** One request; what came of it is told. Returns the reply, or null. */
  async send(op, fields, text = null) {
    try {
      const reply = await this.wire.ask(op, fields);
      tell(byId("done"), text ?? told({op, ...fields}));
      this.venue.tell("controlled", op);
      return reply;
    } catch (error) {
      tell(byId("done"), `${op}: ${error.message}`, true);
      return null;
    }
  }

  world(fields, text) {
    return this.send("world", fields, text);
  }

  time() {
    const {input, node} = this.number("s", 10, {"id": "step-seconds", "aria-label": "Seconds to step"});
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
        node,
        this.button("Step", () => this.step(Number(input.value)), {id: "step"}),
      ),
    );
  }

  /** Only time that stands is stepped. */
  async step(seconds) {
    if (!(seconds > 0)) return tell(byId("done"), "How many seconds?", true);
    if (await this.send("clock", {speed: 0}, "…")) await this.send("step", {ms: Math.round(seconds * 1000)}, `${seconds} s have passed.`);
  }

  prices() {
    const shock = this.number("%", -10, {"id": "shock", "aria-label": "Shock in percent"}),
      lag = this.number("s", 5, {"aria-label": "Lag in seconds"});
    const where = this.select("Where the price jumps", [
      ["one", "this market"],
      ["all", "all markets"],
    ]);
    return this.group(
      "Outside price",
      el(
        "span.pair",
        {},
        shock.node,
        where.node,
        this.button("Shock", () => this.shock(Number(shock.input.value), where.input.value), {id: "do-shock", class: "danger"}),
      ),
      this.button("Freeze oracle", () => this.world({oracle: "frozen"}, "The oracle is frozen: the venue hears no new price."), {
        id: "freeze",
      }),
      this.button("Let it run", () => this.world({oracle: "runs", lag_ms: 0}, "The oracle runs, without a lag.")),
      el(
        "span.pair",
        {},
        lag.node,
        this.button("Lag", () =>
          this.world({lag_ms: Math.round(Number(lag.input.value) * 1000)}, `The venue hears prices ${lag.input.value} s late.`),
        ),
      ),
    );
  }

  shock(percent, where) {
    if (!Number.isFinite(percent) || percent === 0) return tell(byId("done"), "By how many percent?", true);
    const {name, market} = this.venue.market,
      shock = {shock_ppm: Math.round(percent * 10_000)};
    return where === "all"
      ? this.world(shock, `All prices jump by ${percent} %.`)
      : this.world({...shock, market}, `The price of ${name} jumps by ${percent} %.`);
  }

  traders() {
    const pair = who => [
      this.button(`${who[0].toUpperCase() + who.slice(1)} leave`, () => this.world({[who]: "gone"}, `The ${who} are gone.`)),
      this.button("return", () => this.world({[who]: "stay"}, `The ${who} are back.`), {"aria-label": `${who} return`}),
    ];
    return this.group("Bots", el("span.pair", {}, ...pair("makers")), el("span.pair", {}, ...pair("takers")));
  }

  markets() {
    const status = this.select(
      "Status of the market",
      STATUSES.map(one => [one, words(one)]),
    );
    const minutes = this.number("min", 1, {"aria-label": "Minutes of maintenance"}),
      rate = this.number("% / h", 0.1, {"aria-label": "Funding rate, percent an hour"});
    const maintenance = this.button("Maintenance", () => this.maintain(Number(minutes.input.value)), {
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
        this.button("Set funding", () => this.setFunding(Number(rate.input.value))),
        this.button("by rule", () => this.send("set_funding", {market: this.venue.at, mode: "RULE"}, "Funding goes by the venue's rule.")),
      ),
    );
  }

  showMarket() {
    if (this.marketLegend && this.venue.market) this.marketLegend.textContent = `Market ${this.venue.market.name}`;
  }

  async maintain(minutes) {
    if (!(minutes > 0)) return tell(byId("done"), "For how many minutes?", true);
    const now = Number((await this.wire.ask("ping")).ts),
      begin = now + 1e9; // [ns] a double is exact enough: to 256 ns
    const window = {market: this.venue.at, start: begin, end: begin + minutes * 60e9, during: "HALTED"};
    await this.send("schedule_maintenance", window, `${this.venue.market.name} is halted for ${minutes} min, from the next second on.`);
  }

  /** The venue takes a rate for its interval: the hours of that are counted here. */
  setFunding(percent) {
    if (!Number.isFinite(percent)) return tell(byId("done"), "At which rate?", true);
    const hours = (this.venue.market.funding?.interval_ms ?? 3_600_000) / 3_600_000;
    return this.send(
      "set_funding",
      {market: this.venue.at, mode: "SET", rate_ppt: Math.round(percent * hours * 1e10)},
      `Longs pay ${percent} % an hour to shorts.`,
    );
  }

  playbooks() {
    const {playbooks} = this.about;
    if (!playbooks.length) return null;
    const choice = this.select(
      "Playbook",
      playbooks.map(({name, title}) => [name, `${name}: ${title}`]),
    );
    const user = this.number("user", "", {size: "12", maxlength: "42", inputmode: "text", placeholder: "name or address"}),
      chosen = () => playbooks.find(({name}) => name === choice.input.value);
    const play = this.button("Play", () => this.play(chosen(), user.input.value.trim()), {id: "play"}),
      stop = this.button("Stop", () => this.run?.stop(), {id: "stop"});
    const show = () => {
      user.node.hidden = !needsUser(chosen());
    };
    choice.input.id = "playbook";
    choice.input.addEventListener("change", show);
    show();
    return this.group("Playbook", choice.node, user.node, el("span.pair", {}, play, stop));
  }

  async play(playbook, user) {
    this.run?.stop();
    const markets = this.venue.markets.filter(({kind}) => kind === "perpetual").map(({name}) => name);
    const run = (this.run = new Run(this.wire, playbook, user, markets, line => tell(byId("done"), line)));
    try {
      await run.play();
    } catch (error) {
      tell(byId("done"), `${playbook.name}: ${error.message}`, true);
    }
  }

  states() {
    const {input, node} = this.number("name", "before", {size: "9", maxlength: "32", inputmode: "text"});
    this.kept = this.select("State to go back to", []);
    return this.group(
      "Snapshots",
      el(
        "span.pair",
        {},
        node,
        this.button(
          "Keep",
          async () => {
            if (await this.send("snapshot", {name: input.value}, `Kept as ${input.value}.`)) this.refresh();
          },
          {id: "keep"},
        ),
      ),
      el(
        "span.pair",
        {},
        this.kept.node,
        this.button(
          "Go back",
          () => this.kept.input.value && this.send("rewind", {name: this.kept.input.value}, `Back at ${this.kept.input.value}.`),
          {id: "rewind"},
        ),
      ),
    );
  }

  async refresh() {
    try {
      const {names} = await this.wire.ask("snapshots");
      this.kept.input.replaceChildren(...names.map(name => el("option", {value: name}, name)));
      if (names.length) this.kept.input.value = names.at(-1);
    } catch {
      /* it is asked again when one is kept */
    }
  }
}
