// In words: requests of the operator's, for those that playbooks make, and what has been changed around the venue.

import {millionths} from "./numbers.js";

const seconds = ms => `${ms / 1000} s`;
const off = ms => `${seconds(Math.abs(ms))} ${ms < 0 ? "behind" : "ahead"}`;

const WORLD = {
  oracle: how => (how === "frozen" ? "the oracle freezes" : "the oracle runs"),
  lag_ms: ms => `the venue hears prices ${seconds(ms)} late`,
  shock_ppm: ppm => `the outside price jumps by ${millionths(ppm)}`,
  basis_ppm: ppm => `makers quote ${millionths(ppm)} above the outside price`,
  makers: how => (how === "gone" ? "the makers leave" : "the makers are back"),
  takers: how => (how === "gone" ? "the takers leave" : "the takers are back"),
};
const FAULT = {
  reject: ({user, count}) => `the next ${count} orders of ${user} are refused`,
  drop: ({user}) => `the connections of ${user} break`,
  stall: ({user, ms}) => `${user} is sent nothing for ${seconds(ms)}`,
  delay: ({user, ms}) => `all messages to ${user} come ${seconds(ms)} late`,
  duplicate: ({user, count}) => `the next ${count} messages to ${user} come twice`,
  skew: ({user, ms, drift_ppm: drift}) =>
    `the times that ${user} is told are ${off(ms)}${drift ? `, and run ${millionths(drift)} faster` : ""}`,
  none: ({user}) => `all is well again for ${user}`,
};

/** `markets`: the venue's, which a request may name by number. */
export function inWords({op, ...fields}, markets) {
  const market = markets[fields.market]?.name ?? fields.market;
  if (op === "world") {
    const told = Object.entries(fields).map(([name, value]) => WORLD[name]?.(value));
    return told.filter(Boolean).join(", ") + (market === undefined ? "" : ` in ${market}`);
  }
  if (op === "fault" && fields.kind in FAULT) return FAULT[fields.kind](fields);
  if (op === "set_market_status") return `${market} is ${fields.status.toLowerCase().replaceAll("_", " ")}`;
  if (op === "set_gas") return `gas costs ${fields.multiplier_ppm / 1e6} times what the venue's design says`;
  if (op === "set_funding" && fields.mode === "RULE") return `funding of ${market} goes by the venue's rule`;
  if (op === "set_funding") {
    const [from, to] = fields.rate_ppt < 0 ? ["shorts", "longs"] : ["longs", "shorts"];
    return `${from} pay ${to} ${millionths(Math.abs(fields.rate_ppt) / 1e6)} in ${market}, at every payment of funding`;
  }
  return [op, ...Object.entries(fields).map(([name, value]) => `${name} ${value}`)].join(" ");
}

/** What is not as it is at first in the world around the venue: of its `prices`, and of its `bots`. */
export function changesIn({oracle, lag_ms: lag, makers, takers}) {
  const gone = [makers === "gone" && "makers", takers === "gone" && "takers"].filter(Boolean);
  const prices = [oracle === "frozen" && "the oracle is frozen", lag && `heard ${seconds(lag)} late`].filter(Boolean);
  return {prices: prices.join(", "), bots: gone.length ? `${gone.join(" and ")} are gone` : ""};
}
