// Fields that an operator types into: what is wrong with one is said beneath it, in the units that he types.

import {el, setText} from "./dom.js";

const PLAIN = /^-?(\d+\.?\d*|\.\d+)$/;
let made = 0;

/** A number as people write it: 3600 -> "3,600", -90 -> "−90". */
const written = number => number.toLocaleString("en-US", {maximumFractionDigits: 9}).replace("-", "−");

class Field {
  constructor(input, label, kind = "") {
    this.input = input;
    this.why = el("small.wrong", {id: `wrong-${++made}`, role: "alert", hidden: true});
    this.node = el("span.entry", {}, el(`label.inline${kind}`, {}, el("span", {}, label), input), this.why);
    input.setAttribute("aria-describedby", this.why.id);
    input.addEventListener("input", () => this.say(""));
  }

  /** What is wrong, or "" if nothing is. Returns null, for who reads. */
  say(why) {
    setText(this.why, why);
    this.why.hidden = !why;
    this.input.setAttribute("aria-invalid", String(why !== ""));
    return null;
  }

  /** The same, for who has just pressed the button: the field is where he goes on. */
  refuse(why) {
    this.input.focus();
    return this.say(why);
  }
}

/** `bounds()`: the `least` and the `most` that the number may be (`above`: it is more than the least), and how many `digits` it may have
 * behind the point. `zero`: what to say of 0, if that is not taken. */
export class NumberField extends Field {
  constructor(unit, value, bounds, more = {}) {
    const {zero = null, ...attributes} = more;
    super(el("input", {value: String(value), inputmode: "decimal", size: "5", ...attributes}), unit);
    Object.assign(this, {unit, bounds, zero});
  }

  /** "From −90 to 900 %." */
  get range() {
    const {least, most, above} = this.bounds();
    return `${above ? "More than" : "From"} ${written(least)} ${above ? "and at most" : "to"} ${written(most)} ${this.unit}.`;
  }

  /** The number, or null: the field says why. */
  read() {
    const {least, most, above, digits} = this.bounds(),
      typed = this.input.value.trim(),
      text = (typed.endsWith(this.unit) ? typed.slice(0, -this.unit.length) : typed).trim().replace("−", "-").replace(/^\+/, "");
    if (!text) return this.refuse(`A number is missing here. ${this.range}`);
    if (!PLAIN.test(text)) return this.refuse(`“${typed}” is not a number such as ${this.input.defaultValue}. ${this.range}`);
    const number = Number(text);
    if (number > most) return this.refuse(`${written(number)} ${this.unit} is too much. ${this.range}`);
    if (number < least || (above && number === least)) return this.refuse(`${written(number)} ${this.unit} is too little. ${this.range}`);
    if (number === 0 && this.zero) return this.refuse(this.zero);
    if ((text.split(".")[1] ?? "").replace(/0+$/, "").length > digits) return this.refuse(`At most ${digits} digits behind the point.`);
    this.say("");
    return number;
  }
}

/** `missing`: what to say if nothing is typed. */
export class TextField extends Field {
  constructor(label, value, missing, more = {}) {
    super(el("input", {value, ...more}), label, ".named"); // a unit stands behind its number, a name before its field
    this.missing = missing;
  }

  /** The text, or null: the field says why. */
  read() {
    const text = this.input.value.trim();
    if (!text) return this.refuse(this.missing);
    this.say("");
    return text;
  }
}
