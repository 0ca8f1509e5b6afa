// Whole numbers of the wire and decimals of people. Exact: a tick of 0.1 and a lot of 0.00001 are no doubles, so BigInt does the work.

const parts = new Map(); // of a unit such as "0.5": its digits as a whole number, and how many are behind the point

function partsOf(unit) {
  let found = parts.get(unit);
  if (!found) {
    const [whole, rest = ""] = unit.split(".");
    parts.set(unit, (found = {mantissa: BigInt(whole + rest), digits: rest.length}));
  }
  return found;
}

const grouped = whole => whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");

function written(mantissa, digits, separated = true) {
  const text = (mantissa < 0n ? -mantissa : mantissa).toString().padStart(digits + 1, "0");
  const whole = text.slice(0, text.length - digits),
    rest = digits ? "." + text.slice(-digits) : "";
  return (mantissa < 0n ? "−" : "") + (separated ? grouped(whole) : whole) + rest;
}

/** A count of ticks or lots as people write it; `separated`: with commas. */
export function decimal(count, unit, separated = true) {
  if (count == null) return "–";
  const {mantissa, digits} = partsOf(unit);
  return written(BigInt(count) * mantissa, digits, separated);
}

const GROUPED = /^-?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/, // commas as they are written here
  PLAIN = /^-?(\d+\.?\d*|\.\d+)$/,
  DECIMAL_COMMA = /^(-?)(\d*|\d{1,3}(?:\.\d{3})+),(\d*)$/, // and as they are written elsewhere: "0,5", "1.234,5"
  ENDS_IN_WORDS = /^-?[\d.,]+\s*[^\d\s.,][^\d]*$/;

/** What a person has typed as a number, with its `unit` behind it or without: {text}, as Number and BigInt read it, or {why}, what is
 * wrong with it; `like` is one that would do. The one reader of all fields: a comma that does not group thousands is never dropped. */
export function numberIn(typed, unit, like) {
  const shown = typed.trim(),
    hasUnit = unit && shown.toLowerCase().endsWith(unit.toLowerCase()),
    bare = (hasUnit ? shown.slice(0, -unit.length) : shown).trim(),
    text = bare.replace("−", "-").replace(/^\+/, "");
  if (!text) return {why: "A number is missing here."};
  if (PLAIN.test(text)) return {text};
  if (GROUPED.test(text)) return {text: text.replaceAll(",", "")};
  const [, minus, whole, rest] = DECIMAL_COMMA.exec(text) ?? [];
  if (/\d/.test(text) && whole !== undefined) {
    const meant = minus + (whole.replaceAll(".", "") || "0") + (rest ? `.${rest}` : "");
    return {why: `“${shown}”: write ${meant}. Commas only group the thousands, as in 60,000.`};
  }
  if (/^-?[\d.]*,[\d.,]*$/.test(text)) return {why: `“${shown}”: commas only group the thousands, as in 1,234,567.5.`};
  if (/^-?[\d.]*\.[\d.]*\.[\d.]*$/.test(text)) return {why: `“${shown}” has more than one point.`};
  if (ENDS_IN_WORDS.test(text)) return {why: `“${shown}”: the unit here is ${unit}.`};
  return {why: `“${shown}” is not a number such as ${like}.`};
}

/** The count of units that a plain number means, or null if it is no multiple of one. */
export function countOf(text, unit) {
  const found = /^(\d*)(?:\.(\d*))?$/.exec(text);
  if (!found || !(found[1] || found[2])) return null;
  const {mantissa, digits} = partsOf(unit);
  const rest = (found[2] ?? "").replace(/0+$/, "");
  if (rest.length > digits) return null;
  const value = BigInt(found[1] + rest.padEnd(digits, "0"));
  return value % mantissa === 0n && value / mantissa < 1n << 52n ? Number(value / mantissa) : null;
}

/** Micro-units as dollars with two digits, rounded down. */
export function money(micro) {
  if (micro == null) return "–";
  const value = BigInt(micro),
    cents = (value < 0n ? -value : value) / 10_000n;
  return written(value < 0n ? -cents : cents, 2).replace(/^−(0\.00)$/, "$1");
}

export const GIFT = 100_000_000_000; // [micro] of play money: what a guest begins with, and what a user may add at a time

export const signed = text => (/^[−–0]/.test(text) && !/[1-9]/.test(text) ? text : text.startsWith("−") ? text : "+" + text);

/** The same as a double, for charts. */
export const float = (count, unit) => Number(count) * Number(unit);

/** A name that fits a button: of an address its beginning and its end. */
export const short = name => (name.length > 20 ? `${name.slice(0, 6)}…${name.slice(-4)}` : name);

export const percent = (ratio, digits = 2) => `${(ratio * 100).toFixed(digits).replace("-", "−")} %`;

/** A share in millionths, as percent without zeros that say nothing: -100000 -> "−10 %". */
export const millionths = ppm => `${String(Number((ppm / 1e4).toFixed(6))).replace("-", "−")} %`;

export const compact = (value, figures = 4) =>
  new Intl.NumberFormat("en-US", {notation: "compact", maximumSignificantDigits: figures}).format(value);

/** Nanoseconds, a number or a text, as milliseconds. */
export const millis = ns => Number(BigInt(ns) / 1_000_000n);

export const clock = ns => new Date(millis(ns)).toISOString().slice(11, 19);

export const dateAndClock = ns => new Date(millis(ns)).toISOString().slice(0, 19).replace("T", " ");

/** A duration in words: 90000 -> "1 min 30 s". */
export function duration(ms) {
  if (ms < 1000) return `${ms} ms`;
  const units = [
      ["d", 86_400_000],
      ["h", 3_600_000],
      ["min", 60_000],
      ["s", 1000],
    ],
    told = [];
  for (const [name, size] of units) {
    if (ms >= size) told.push(`${Math.floor(ms / size)} ${name}`);
    ms %= size;
  }
  return told.slice(0, 2).join(" ");
}

/** Of a market's lots at a price: [micro], as a BigInt. */
export const notional = (size, price, unit) => BigInt(size) * BigInt(price) * BigInt(unit);
