// Playbooks: requests of the operator's, each at its second of the venue's time. Stopped, what was done is taken back.

import {byId, el, tell} from "./dom.js";
import {TextField} from "./fields.js";
import {inWords} from "./spoken.js";

const LOOK_MS = 100;

export const needsUser = playbook =>
  playbook.steps.some(({request}) => Object.values(request).some(one => one === "$USER" || one === "$ACCOUNT"));

/** A request of a step, with what stands in it for the user, his account and a market. */
function filled(request, values) {
  return request && Object.fromEntries(Object.entries(request).map(([name, value]) => [name, values[value] ?? value]));
}

export class Run {
  /** `say` is told each line of what happens, and whether something was done; `user`: whom faults are for; "$MARKET" is each of `markets`
   * that is a perpetual. */
  constructor(wire, playbook, user, markets, say) {
    Object.assign(this, {wire, playbook, user, markets, say, isStopped: false, undo: new Map()});
  }

  stop() {
    this.isStopped = true;
  }

  async now() {
    return BigInt((await this.wire.ask("ping")).ts);
  }

  /** Play it to its end, or until it is stopped. Raises Refused. */
  async play() {
    const account = needsUser(this.playbook) ? ((await this.wire.ask("accounts", {user: this.user})).accounts[0] ?? null) : null;
    const perpetuals = this.markets.filter(({kind}) => kind === "perpetual").map(({name}) => name);
    const begin = await this.now();
    try {
      for (const [number, {at_s: at, request, undo}] of this.playbook.steps.entries()) {
        await this.until(begin + BigInt(Math.round(at * 1e9)), number);
        if (this.isStopped) break;
        for (const market of Object.values(request).includes("$MARKET") ? perpetuals : [null]) {
          const values = {$USER: this.user, $ACCOUNT: account, $MARKET: market},
            {op, ...fields} = filled(request, values),
            back = filled(undo, values);
          if (back) this.undo.set(JSON.stringify(back), back);
          const {note} = await this.wire.ask(op, fields);
          this.say(`${this.playbook.name}, after ${at} s: ${inWords({op, ...fields}, this.markets)}${note ? ` (${note})` : ""}`, true);
        }
      }
    } catch (error) {
      await this.takeBack();
      throw error;
    }
    if (this.isStopped) await this.takeBack();
    this.say(this.isStopped ? `${this.playbook.name}: stopped, and taken back` : `${this.playbook.name}: done`, true);
  }

  /** Wait for a moment of the venue's. It stands where time stands, and goes faster where time does. */
  async until(moment, number) {
    for (let now = await this.now(); now < moment && !this.isStopped; now = await this.now()) {
      this.say(`${this.playbook.name}: step ${number + 1} of ${this.playbook.steps.length} in ${Math.ceil(Number(moment - now) / 1e9)} s`);
      await new Promise(resolve => setTimeout(resolve, LOOK_MS));
    }
  }

  async takeBack() {
    for (const {op, ...fields} of this.undo.values())
      await this.wire
        .ask(op, fields)
        .catch(error => this.say(`Not done, to take it back: ${inWords({op, ...fields}, this.markets)}: ${error.message}.`));
  }
}

/** The choice of a playbook, and the buttons that play and stop it: a group of the operator's panel. */
export class Playbooks {
  constructor(control) {
    this.control = control;
    this.node = control.about.playbooks.length ? this.group() : null; // a server may have none
  }

  group() {
    const {control} = this,
      {playbooks} = control.about;
    const choice = control.select(
      "Playbook",
      playbooks.map(({name}) => [name, name.replaceAll("_", " ")]),
    ).input;
    const title = el("span.soft", {id: "playbook-title"});
    const user = new TextField("user", "", "Whose bot? The name that it logs in with, or its address.", {
        size: "12",
        maxlength: "42",
        placeholder: "name or address",
      }),
      chosen = () => playbooks.find(({name}) => name === choice.value);
    const show = () => {
      user.node.hidden = !needsUser(chosen());
      title.textContent = `${chosen().title}.`;
    };
    choice.id = "playbook";
    choice.addEventListener("change", show);
    show();
    const play = control.button("Play", () => this.play(chosen(), user), {id: "play"}),
      stop = control.button("Stop", () => this.run?.stop(), {id: "stop"});
    return control.group("Playbook", choice, el("span.pair", {}, user.node, play, stop), title);
  }

  /** `field`: of the user. */
  async play(playbook, field) {
    const {wire, venue} = this.control,
      user = needsUser(playbook) ? this.control.read(field) : "";
    if (user === null) return;
    this.run?.stop();
    this.run = new Run(wire, playbook, user, venue.markets, (line, hasChanged) => {
      tell(byId("done"), line);
      if (hasChanged) this.control.showWorld();
    });
    try {
      await this.run.play();
    } catch (error) {
      if (error.reply?.data?.field === "user") return field.refuse(`Nobody is called “${user}” here.`);
      tell(byId("done"), `${playbook.name}, not done: ${error.message}.`, true);
    }
  }
}
