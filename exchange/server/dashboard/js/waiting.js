// What will trade later by itself, in words: stops, take-profits and trailing stops that wait for their price, and TWAPs that run.

import {clock, decimal, millionths} from "./numbers.js";

const KIND = {STOP: "stop", TAKE_PROFIT: "take-profit", TRAILING_TICKS: "trailing stop", TRAILING_PPM: "trailing stop"},
  SOURCE = {MARK: "mark", LAST: "last price", ORACLE: "oracle"};

const sideOf = side => (side === "BUY" ? {word: "buy", color: "up"} : {word: "sell", color: "down"});

/** "TRAILING_PPM" of a trigger that sells: "trails the mark by 5 %". */
function trails({trigger, trail, source}, tick) {
  return `trails the ${SOURCE[source]} by ${trigger === "TRAILING_PPM" ? millionths(trail) : decimal(trail, tick)}`;
}

/** Where it fires: "mark ≤ 54,000", or of one that has not begun to trail where it will begin. */
function fires(one, tick) {
  const {side, trigger, source, fires_at: at, trigger_price: from} = one;
  if (one.has_fired) return "it has fired";
  const isBelow = (trigger === "TAKE_PROFIT") !== (side === "SELL"),
    [below, above] = ["≤", "≥"].map(sign => `${SOURCE[source]} ${sign} `);
  if (at) return (isBelow ? below : above) + decimal(at, tick);
  return `trails from ${isBelow ? above : below}${decimal(from, tick)} on`; // a price that is better than that at which it fires
}

/** A row of a trigger, without its button. */
export function triggerRow(one, market) {
  const {tick, lot, name} = market,
    {word, color} = sideOf(one.side),
    notes = [];
  if (one.trail) notes.push(trails(one, tick));
  if (one.bracket) notes.push(`of the bracket of ${one.bracket}`);
  if (one.linked_with) notes.push(`goes when ${one.linked_with} trades`);
  if (one.reduce_only && one.size) notes.push("reduce only");
  if (one.has_fired) notes.push("its order waits for its turn");
  return {
    key: one.order_id,
    cells: [
      `${name} ${KIND[one.trigger]}, ${word}`,
      one.size ? decimal(one.size, lot) : "whole position",
      fires(one, tick),
      one.price ? `limit ${decimal(one.price, tick)}` : "market order",
      notes.join(", "),
    ],
    color: {0: color},
  };
}

/** What the bracket of an entry will place as far as that fills: "then take-profit at 70,000, stop at 50,000"; "" without one. */
export function bracketNote(bracket, {tick}) {
  if (!bracket) return "";
  const {take_profit: profit, stop} = bracket,
    parts = [profit && `take-profit at ${decimal(profit, tick)}`, stop && `stop at ${decimal(stop, tick)}`];
  return `then ${parts.filter(Boolean).join(", ")}`;
}

/** A row of a TWAP, without its button; `bracket`: the note of its bracket, or "". */
export function twapRow(one, market, bracket) {
  const {lot, name} = market,
    {word, color} = sideOf(one.side),
    notes = [];
  if (one.sent) notes.push(`${decimal(one.sent, lot)} wait for their turn`);
  if (one.reduce_only) notes.push("reduce only");
  if (bracket) notes.push(bracket);
  return {
    key: one.order_id,
    cells: [
      `${name} TWAP, ${word}`,
      decimal(one.size, lot),
      decimal(one.filled, lot),
      `${one.done} of ${one.slices}`,
      Number(one.due) ? clock(one.due) : "none",
      notes.join(", "),
    ],
    color: {0: color},
  };
}

export const TRIGGER_HEADS = ["waits", "size", "fires at", "as", "note"],
  TWAP_HEADS = ["runs", "size", "filled", "slices", "next slice", "note"];
