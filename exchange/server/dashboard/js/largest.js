// The largest size that an order may have. `preview` is asked: it knows fees, slippage, tiers, other orders and caps; no formula here does.

const PARTS = 10_000; // of the size: nearer than one of them the market moves meanwhile
const TOO_SMALL = "MINIMUM_NOTIONAL";

/** Ask again when the server says that it may be, if it was too soon. Raises Refused. */
async function patiently(wire, order) {
  for (;;) {
    try {
      return await wire.ask("preview", order);
    } catch (error) {
      if (error.reason !== "RATE_LIMITED") throw error;
      await new Promise(resolve => setTimeout(resolve, Number(error.reply.data?.retry_ms ?? 1000)));
    }
  }
}

/** Why not all of an order would be taken and, but for what may rest, filled; null: nothing is in the way. */
export const obstacle = told => told.reason ?? (told.cancelled ? told.cancel_reason : null);

/** The most lots at which nothing is in the way of an order, and what is in the way of more: {size, why}; no size would do: 0.
 * `guess`: lots to begin at; `most`: that the market takes. Raises Refused. */
export async function largest(wire, order, guess, most) {
  let low = 0,
    high = most + 1,
    size = 0,
    why = null;
  const look = async lots => {
    const found = obstacle(await patiently(wire, {...order, size: lots}));
    if (found === null) size = low = lots;
    else if (found === TOO_SMALL) low = lots;
    else high = lots;
    if (found !== null && (why === null || found !== TOO_SMALL)) why = found;
  };
  for (let lots = Math.max(1, Math.min(guess, most)); lots > low && lots < high; lots = Math.min(2 * lots, most)) await look(lots);
  while (high - low > Math.max(1, low / PARTS)) await look(Math.floor((low + high) / 2));
  return {size, why};
}
