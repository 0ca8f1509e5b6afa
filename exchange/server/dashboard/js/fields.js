// Fields that people type into: what is wrong with one is said beneath it, in the units that they type.

import {el, setText} from "./dom.js";
import {countOf, decimal, numberIn} from "./numbers.js";

let made = 0;

/** A number as people write it: 3600 -> "3,600", -90 -> "−90". */
const written = number => number.toLocaleString("en-US", {maximumFractionDigits: 9}).replace("-", "−");

/** An input, and the line beneath it (`why`) that says what is wrong with it. */
class Noted {
  constructor(input) {
    this.input = input;
    this.why = el("small.wrong", {id: `wrong-${input.name || ++made}`, role: "alert", hidden: true});
    const described = input.getAttribute("aria-describedby");
    input.setAttribute("aria-describedby", described ? `${described} ${this.why.id}` : this.why.id);
  }

  /** What is wrong, or "" if nothing is. Returns null, for who reads. */
  say(why) {
    setText(this.why, why);
    this.why.hidden = !why;
    this.input.setAttribute("aria-invalid", String(why !== ""));
    return null;
  }
}

class Field extends Noted {
  constructor(input, label, kind = "") {
    super(input);
    this.node = el("span.entry", {}, el(`label.inline${kind}`, {}, el("span", {}, label), input), this.why);
    input.addEventListener("input", () => this.say(""));
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
      {text, why} = numberIn(this.input.value, this.unit, this.input.defaultValue);
    if (why) return this.refuse(`${why} ${this.range}`);
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

/** A field of the ticket: a count of ticks or lots, more than 0. `name`: "size"; `of()`: its `step` and the `most` of them, the `unit`
 * that people count in, and what else to say of a number below 0 (`hint`). */
export class CountField extends Noted {
  constructor(input, name, of) {
    super(input);
    Object.assign(this, {name, of});
    input.closest("label").after(this.why);
  }

  /** The count, or null: the field says why. */
  read() {
    const {name} = this,
      {step, most, unit, hint = ""} = this.of(),
      {text, why} = numberIn(this.input.value, unit, `${step} ${unit}`);
    if (!this.input.value.trim()) return this.say(`The ${name} is missing: a number of ${unit}.`);
    if (why) return this.say(why);
    if (text.startsWith("-") || !/[1-9]/.test(text))
      return this.say(`The ${name} is at least ${step} ${unit}${text.startsWith("-") ? hint : ""}.`);
    const count = countOf(text, step);
    if (count > most || Number(text) > most * Number(step)) return this.say(`The ${name} is at most ${decimal(most, step)} ${unit}.`);
    if (count === null) return this.say(`The ${name} is a multiple of ${step} ${unit}: “${this.input.value.trim()}” is not.`);
    this.say("");
    return count;
  }
}
