// A playbook: requests of the operator's, each at its second of the venue's time. Stopped, what was done is taken back.

const LOOK_MS = 100;

export const needsUser = playbook =>
  playbook.steps.some(({request}) => Object.values(request).some(one => one === "$USER" || one === "$ACCOUNT"));

/** A request of a step, with what stands in it for the user, his account and a market. */
function filled(request, values) {
  return request && Object.fromEntries(Object.entries(request).map(([name, value]) => [name, values[value] ?? value]));
}

/** A request in words: "world shock_ppm=-100000". */
export const told = ({op, ...fields}) => [op, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)].join(" ");

export class Run {
  /** `say` is told each line of what happens; `user`: whom faults are for; `markets`: names of all that "$MARKET" is. */
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
    const begin = await this.now();
    try {
      for (const [number, {at_s: at, request, undo}] of this.playbook.steps.entries()) {
        await this.until(begin + BigInt(Math.round(at * 1e9)), number);
        if (this.isStopped) break;
        for (const market of Object.values(request).includes("$MARKET") ? this.markets : [null]) {
          const values = {$USER: this.user, $ACCOUNT: account, $MARKET: market},
            {op, ...fields} = filled(request, values),
            back = filled(undo, values);
          if (back) this.undo.set(JSON.stringify(back), back);
          const {note} = await this.wire.ask(op, fields);
          this.say(`${at} s: ${told({op, ...fields})}${note ? ` (${note})` : ""}`);
        }
      }
    } catch (error) {
      await this.takeBack();
      throw error;
    }
    if (this.isStopped) await this.takeBack();
    this.say(this.isStopped ? `${this.playbook.name}: stopped, and taken back` : `${this.playbook.name}: done`);
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
      await this.wire.ask(op, fields).catch(error => this.say(`not taken back: ${op}: ${error.message}`));
  }
}
