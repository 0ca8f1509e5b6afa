// What an order would come to, in words: the rows of a preview, or why it would be refused or cut short, with the numbers of it.

import {el} from "./dom.js";
import {decimal, float, millionths, money, percent, signed} from "./numbers.js";

const CUT = {IMMEDIATE: "the book has no more at this price", MARGIN: "the margin does not reach further"};

/** `reason`: of a preview, or why it would cancel a part; `side`: of the order. */
export function because(reason, {market, asset}, side) {
  if (reason in CUT) return CUT[reason];
  const band = millionths(market.price_band_ppm);
  const more = {
    INSUFFICIENT_MARGIN: "the account has not that much available",
    INSUFFICIENT_BALANCE: "the account has not what it would give",
    MINIMUM_NOTIONAL: `an order is worth ${market.minimum_notional} ${asset} at least`,
    PRICE_BAND: side === "BUY" ? `buys are at most ${band} above the mark` : `sells are at most ${band} below the mark`,
    PRICE_PRECISION: `a price has ${market.significant_figures} figures at most`,
    NO_BOOK: "orders cannot rest in this market: take a market order, or one that is now or never",
    REDUCE_ONLY: "there is no position that it would reduce",
  }[reason];
  const name = reason.toLowerCase().replaceAll("_", " ");
  return more ? `${name} (${more})` : name;
}

/** The rows of a preview that refuses nothing. */
export function rowsOf(told, venue) {
  const {tick, lot} = venue.market,
    {asset} = venue,
    rows = [];
  const row = (name, value, isBad = false) =>
    rows.push(el("div", {class: isBad ? "bad" : ""}, el("dt", {}, name), el("dd", {}, value)));
  if (told.filled) row("Fills at once", `${decimal(told.filled, lot)} at ${decimal(told.average, tick)}`);
  if (told.filled && told.mid_slippage_ppm !== null) row("Slippage from the middle", percent(told.mid_slippage_ppm / 1e6, 3));
  if (told.rests) row("Rests in the book", decimal(told.rests, lot));
  if (told.cancelled) row("Not filled", `${decimal(told.cancelled, lot)}: ${because(told.cancel_reason, venue)}`, true);
  if (told.filled) row("Fee", `${money(told.fee)} ${asset}`);
  if (told.size !== null) {
    row("Position after", signed(decimal(told.size, lot)));
    row("Margin used after", `${money(told.initial_margin)} ${asset}`);
    row("Available after", `${money(told.available_margin)} ${asset}`, Number(told.available_margin) < 0);
    row("Liquidation price after", told.liquidation_price === null ? "none" : away(told.liquidation_price, venue));
  }
  return rows;
}

/** A price, and how far it is from the mark. */
function away(price, {ticker, market}) {
  const text = decimal(price, market.tick);
  if (!ticker?.mark) return text;
  return `${text} (${signed(percent(float(price, market.tick) / float(ticker.mark, market.tick) - 1, 1))} from the mark)`;
}
