// ccxt in JavaScript, its calls and what it watches: node ccxt.mjs URL
import ccxt from "ccxt";
import { readFileSync } from "node:fs";

const url = process.argv[2];
const urls = { public: url, private: url, ws: { public: url.replace("http", "ws") + "/ws" } };
const settings = {
  walletAddress: "0x5CbDd86a2FA8Dc4bDdd8a8f69dBa48572EeC07FB", privateKey: "0x" + "3".repeat(64), urls: { api: urls, test: urls },
  enableRateLimit: false, // it would take a minute
};
const [BTC, ETH] = ["BTC/USDC:USDC", "ETH/USDC:USDC"];
const x = new ccxt.hyperliquid(settings);
x.setSandboxMode(true);

function hold(is, what) {
  if (!is) throw new Error(what);
}

async function refused(kind, call) {
  try {
    await call();
  } catch (error) {
    return hold(error instanceof kind, `${error.name}: ${error.message}`);
  }
  throw new Error("it was not refused: " + call);
}

const limit = (price, symbol = BTC) => ({ symbol, type: "limit", side: "buy", amount: 0.01, price });
const ids = orders => orders.map(order => order.id);

// -- reading --

await x.loadMarkets();
const reads = [
  () => x.fetchTime(), () => x.fetchStatus(), async () => (await x.fetchOrderBook(BTC)).bids.length, async () => (await x.fetchTicker(BTC)).last,
  async () => (await x.fetchTickers())[ETH], async () => (await x.fetchOHLCV(BTC, "1m")).length,
  async () => (await x.fetchBalance()).USDC.total === 10_000, async () => (await x.fetchFundingRates())[BTC], () => x.fetchFundingRate(BTC),
  () => x.fetchOpenInterest(BTC), async () => (await x.fetchOpenInterests())[BTC], async () => (await x.fetchTradingFee(BTC)).taker,
  async () => (await x.fetchMarkets()).length, async () => (await x.fetchSwapMarkets()).length, async () => (await x.fetchSpotMarkets()).length,
  async () => (await x.fetchCurrencies()).USDC,
];
for (const read of reads) hold(await read(), String(read));
const lists = [
  x.fetchPositions(), x.fetchTrades(BTC), x.fetchFundingRateHistory(BTC), x.fetchFundingHistory(BTC), x.fetchLedger(), x.fetchDeposits(),
  x.fetchWithdrawals(), x.fetchOrders(BTC), x.fetchClosedOrders(BTC), x.fetchCanceledOrders(BTC), x.fetchCanceledAndClosedOrders(BTC),
  x.fetchMyTrades(BTC), x.fetchHip3Markets(),
];
for (const list of await Promise.all(lists)) hold(Array.isArray(list), list);
console.log("reads", reads.length, "lists", lists.length);

// -- orders --

const { id } = await x.createOrder(BTC, "limit", "buy", 0.01, 50_000);
hold((await x.fetchOrder(id, BTC)).status === "open" && (await x.fetchOpenOrders(BTC))[0].id === id, "open");
const changed = (await x.editOrder(id, BTC, "limit", "buy", 0.02, 49_500)).id;
hold((await x.fetchOrder(id, BTC)).status === "canceled" && (await x.fetchOrder(changed, BTC)).amount === 0.02, "changed");
await x.cancelOrder(changed, BTC);
const pair = await x.createOrders([limit(50_000), limit(49_900)]);
const edited = await x.editOrders(ids(pair).map(one => ({ id: one, ...limit(48_000) })));
await x.cancelOrders(ids(edited), BTC);
const clientOrderId = "0x" + "0".repeat(31) + "5";
await x.createOrder(BTC, "limit", "buy", 0.01, 50_000, { clientOrderId });
await x.cancelOrdersForSymbols([{ symbol: BTC, clientOrderId }]);
console.log("open orders", (await x.fetchOpenOrders(BTC)).length);
await refused(ccxt.InsufficientFunds, () => x.createOrder(BTC, "limit", "buy", 1_000, 50_000));
await refused(ccxt.InvalidOrder, () => x.createOrder(BTC, "limit", "buy", 0.0001, 50_000));
await refused(ccxt.InvalidOrder, () => x.createOrder(BTC, "limit", "buy", 0.01, 90_000, { timeInForce: "ALO" }));
await refused(ccxt.OrderNotFound, () => x.cancelOrder("99999999", BTC));

// -- a position --

await x.setLeverage(7, BTC);
await x.setMarginMode("isolated", ETH, { leverage: 5 });
const { last } = await x.fetchTicker(ETH);
const bought = await x.createOrder(ETH, "market", "buy", 0.1, last);
hold((await x.fetchOrder(bought.id, ETH)).status === "closed", "bought");
await x.addMargin(ETH, 10);
await x.reduceMargin(ETH, 5);
const position = await x.fetchPosition(ETH);
console.log("position", position.contracts, position.marginMode, position.leverage);
const stop = await x.createOrder(ETH, "market", "sell", 0.1, last, { stopLossPrice: 2_000, reduceOnly: true });
hold((await x.fetchOpenOrders(ETH))[0].triggerPrice === 2_000, "stop");
await x.cancelOrder(stop.id, ETH);
const ways = { takeProfit: { triggerPrice: Math.round(last * 1.2), type: "market" }, stopLoss: { triggerPrice: Math.round(last * 0.8), type: "market" } };
await x.createOrder(ETH, "market", "buy", 0.1, last, ways);
hold((await x.fetchOpenOrders(ETH)).length === 2, "both ways out");
await x.createOrder(ETH, "market", "sell", 0.2, last, { reduceOnly: true });
console.log("out", (await x.fetchOpenOrders(ETH)).length, (await x.fetchMyTrades(ETH)).length >= 3);

// -- account --

const granted = [
  x.setUserAbstraction("disabled"), x.setAgentAbstraction("i"), x.enableUserDexAbstraction(false), x.reserveRequestWeight(1),
  x.approveBuilderFee("0x" + "1".repeat(40), "0.01%"),
];
hold((await Promise.all(granted)).every(told => told.status === "ok"), "granted");
hold((await x.createSubAccount("one")).response.data.startsWith("0x"), "sub-account");
await refused(ccxt.ExchangeError, () => x.createVault("mine", "of a few words", 100));
await x.cancelAllOrdersAfter(10_000);
const twap = await x.createTwapOrder(BTC, "buy", 0.1, 600_000);
hold((await x.cancelTwapOrder(twap.id, BTC)).info.status === "success", "twap");
await x.transfer("USDC", 1, "spot", "swap");
await x.withdraw("USDC", 5, settings.walletAddress);
console.log("withdrawn", (await x.fetchWithdrawals()).at(-1).amount);

// -- sockets --

const w = new ccxt.pro.hyperliquid(settings);
w.setSandboxMode(true);
await w.loadHttpProxyAgent(); // which ccxt wants for any ws://, in JavaScript
await w.loadMarkets();
hold((await w.watchOrderBook(BTC)).bids.length, "book");
await w.watchTrades(BTC);
await w.watchOHLCV(BTC, "1m");
hold((await w.watchTicker(BTC)).symbol === BTC && (await w.watchTickers([BTC]))[BTC], "tickers");
hold((await w.watchBalance()).USDC.total > 0, "balance");
const [orders, fills] = [w.watchOrders(BTC), w.watchMyTrades(BTC)];
await new Promise(done => setTimeout(done, 500)); // until both are subscribed
const placed = await w.createOrderWs(BTC, "limit", "buy", 0.01, 50_000);
hold((await orders).at(-1).id === placed.id, "order");
const moved = await w.editOrderWs(placed.id, BTC, "limit", "buy", 0.01, 49_000);
await w.cancelOrderWs(moved.id, BTC);
await w.createOrderWs(BTC, "market", "buy", 0.01, (await w.fetchTicker(BTC)).last);
hold((await fills).at(-1).symbol === BTC, "fill");
hold((await w.watchPositions([BTC])).length === 1, "position");
const both = await w.createOrdersWs([limit(50_000), limit(49_900)]);
hold((await w.cancelOrdersWs(ids(both), BTC)).every(one => one.status === "success"), "cancelled");
const gone = [
  w.unWatchOrderBook(BTC), w.unWatchTrades(BTC), w.unWatchOHLCV(BTC, "1m"), w.unWatchTicker(BTC), w.unWatchTickers([BTC]), w.unWatchOrders(),
  w.unWatchMyTrades(),
];
console.log("unwatched", (await Promise.all(gone)).every(told => told === true));
await w.close();

// -- is that all? --

const call = /^((unW|w)atch|fetch|create|cancel|edit|add|reduce|set)[A-Z]\w+$|^transfer$|^withdraw$/;
const apart = /(Request|Cache|Ref|Mode|Helper)$/; // what ccxt has for itself, and setSandboxMode
const own = [ccxt.hyperliquid, ccxt.pro.hyperliquid].flatMap(made => Object.getOwnPropertyNames(made.prototype)).filter(name => call.test(name));
const source = readFileSync(process.argv[1], "utf8");
// ccxt 4.5.84 waits forever in unWatchBalance and unWatchPositions: it listens for an answer about "clearinghoustState"
console.log("untried", own.filter(name => !apart.test(name) && !source.includes(`.${name}(`)).join());
process.exit(0);
