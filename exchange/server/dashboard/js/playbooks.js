// A playbook: requests of the operator's, each at its second of the venue's time. Stopped, what was done is taken back.

const LOOK_MS = 100;

export const needsUser = playbook =>
  playbook.steps.some(({request}) => Object.values(request).some(one => one === "$USER" || one === "$ACCOUNT"));

const filled = (request, user, account) =>
  request &&
  Object.fromEntries(
    Object.entries(request).map(([name, value]) => [name, value === "$USER" ? user : value === "$ACCOUNT" ? account : value]),
  );

/** A request in words: "world shock_ppm=-100000". */
export const told = ({op, ...fields}) => [op, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)].join(" ");

export class Run {
  /** `say` is told each line of what happens; `user`: whom faults are for. */
  constructor(wire, playbook, user, say) {
    Object.assign(this, {wire, playbook, user, say, isStopped: false, undo: new Map()});
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
        const {op, ...fields} = filled(request, this.user, account),
          back = filled(undo, this.user, account);
        if (back) this.undo.set(JSON.stringify(back), back);
        await this.wire.ask(op, fields);
        this.say(`${at} s: ${told({op, ...fields})}`);
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
