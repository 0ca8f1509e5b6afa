// A bot in JavaScript, as its library's users write one: node hyperliquid.mjs URL
import { ExchangeClient, HttpTransport, InfoClient, SubscriptionClient, WebSocketTransport } from "@nktkas/hyperliquid";
import { SymbolConverter } from "@nktkas/hyperliquid/utils";
import { privateKeyToAccount } from "viem/accounts";

globalThis.WebSocket ??= (await import("ws")).default; // Node.js has its own since 22

const url = process.argv[2];
const wallet = privateKeyToAccount("0x" + "2".repeat(64));
const transport = new HttpTransport({ apiUrl: url, isTestnet: true });
const info = new InfoClient({ transport });
const exchange = new ExchangeClient({ transport, wallet });

const coins = await SymbolConverter.create({ transport });
const state = await info.clearinghouseState({ user: wallet.address });
console.log("account", state.marginSummary.accountValue, "BTC is asset", coins.getAssetId("BTC"));

const socket = new WebSocketTransport({ url: url.replace("http", "ws") + "/ws", isTestnet: true });
const feed = new SubscriptionClient({ transport: socket });
const heard = new Promise(done => feed.orderUpdates({ user: wallet.address }, updates => done(updates)));
const seen = new Promise(done => feed.l2Book({ coin: "BTC" }, book => done(book)));
console.log("levels", (await seen).levels.map(side => side.length > 0).join());

const order = (p, tif) => ({ a: 0, b: true, p, s: "0.01", r: false, t: { limit: { tif } } });
const placed = await exchange.order({ orders: [order("50000", "Gtc")], grouping: "na" });
const { oid } = placed.response.data.statuses[0].resting;
const status = await info.orderStatus({ user: wallet.address, oid });
console.log("order", status.order.status, (await heard)[0].order.oid === oid);
const gone = await exchange.cancel({ cancels: [{ a: 0, o: oid }] });
console.log("cancel", gone.response.data.statuses[0]);
await exchange.updateLeverage({ asset: 0, isCross: true, leverage: 5 });
const ask = (await info.l2Book({ coin: "BTC" })).levels[1][0].px;
const filled = await exchange.order({ orders: [order(String(Math.round(Number(ask) * 1.01)), "Ioc")], grouping: "na" });
console.log("filled", filled.response.data.statuses[0].filled.totalSz);
const [position] = (await info.clearinghouseState({ user: wallet.address })).assetPositions;
console.log("position", position.position.szi, position.position.leverage.value);

// -- what it can ask --

const [user, friend] = [wallet.address, "0x" + "1".repeat(40)];
const [startTime, coin, builder] = [Date.now() - 3_600_000, "BTC", friend];
const asked = {
  activeAssetData: { user, coin }, candleSnapshot: { coin, interval: "1m", startTime }, clearinghouseState: { user }, extraAgents: { user },
  frontendOpenOrders: { user }, fundingHistory: { coin, startTime }, historicalOrders: { user }, l2Book: { coin }, maxBuilderFee: { user, builder },
  openOrders: { user }, orderStatus: { user, oid }, portfolio: { user }, recentTrades: { coin }, referral: { user },
  spotClearinghouseState: { user }, subAccounts: { user }, userAbstraction: { user }, userFees: { user }, userFills: { user },
  userFillsByTime: { user, startTime }, userFunding: { user, startTime }, userNonFundingLedgerUpdates: { user, startTime },
  userRateLimit: { user }, userRole: { user }, userTwapSliceFills: { user }, userVaultEquities: { user }, webData2: { user },
};
const alone = [
  "allMids", "allPerpMetas", "exchangeStatus", "meta", "metaAndAssetCtxs", "outcomeMeta", "perpDexs", "perpsAtOpenInterestCap", "predictedFundings",
  "spotMeta", "spotMetaAndAssetCtxs",
];
const answers = await Promise.all([...Object.keys(asked).map(name => info[name](asked[name])), ...alone.map(name => info[name]())]);
console.log("answers", answers.filter(told => told !== undefined && told !== null).length);

// -- what it can do --

const cloid = "0x" + "0".repeat(31) + "1";
const stop = { a: 0, b: false, p: "50000", s: "0.01", r: true, t: { trigger: { isMarket: true, triggerPx: "52000", tpsl: "sl" } } };
const resting = told => told.response.data.statuses[0].resting.oid;
const sub = (await exchange.createSubAccount({ name: "sub" })).response.data;
const usdc = "USDC:" + (await info.spotMeta()).tokens[0].tokenId;
const done = [
  await exchange.modify({ oid: resting(await exchange.order({ orders: [order("50000", "Alo")], grouping: "na" })), order: order("49000", "Gtc") }),
  await exchange.batchModify({
    modifies: [{ oid: resting(await exchange.order({ orders: [order("50000", "Gtc")], grouping: "na" })), order: { ...order("48000", "Gtc"), c: cloid } }],
  }),
  await exchange.cancelByCloid({ cancels: [{ asset: 0, cloid }] }),
  await exchange.order({ orders: [order("70000", "FrontendMarket"), stop], grouping: "normalTpsl" }),
  await exchange.order({ orders: [stop], grouping: "positionTpsl" }),
  await exchange.updateLeverage({ asset: 1, isCross: false, leverage: 5 }),
  await exchange.order({ orders: [{ ...order("3300", "Ioc"), a: 1, s: "0.1" }], grouping: "na" }),
  await exchange.updateIsolatedMargin({ asset: 1, isBuy: true, ntli: 5_000_000 }),
  await exchange.scheduleCancel({ time: Date.now() + 20_000 }),
  await exchange.scheduleCancel(),
  await exchange.usdSend({ destination: friend, amount: "5" }),
  await exchange.usdClassTransfer({ amount: "5", toPerp: true }),
  await exchange.spotSend({ destination: friend, token: usdc, amount: "5" }),
  await exchange.sendAsset({ destination: friend, sourceDex: "", destinationDex: "spot", token: usdc, amount: "5", fromSubAccount: "" }),
  await exchange.withdraw3({ destination: user, amount: "5" }),
  await exchange.subAccountTransfer({ subAccountUser: sub, isDeposit: true, usd: 5_000_000 }),
  await exchange.subAccountSpotTransfer({ subAccountUser: sub, isDeposit: true, token: usdc, amount: "5" }),
  await exchange.approveAgent({ agentAddress: privateKeyToAccount("0x" + "6".repeat(64)).address, agentName: "helper" }),
  await exchange.approveBuilderFee({ maxFeeRate: "0.01%", builder }),
  await exchange.setReferrer({ code: "TEST" }),
  await exchange.noop(),
  await exchange.reserveRequestWeight({ weight: 1 }),
  await exchange.userDexAbstraction({ user, enabled: false }),
  await exchange.userSetAbstraction({ user, abstraction: "disabled" }),
  await exchange.agentSetAbstraction({ abstraction: "i" }),
];
const { running } = (await exchange.twapOrder({ twap: { a: 0, b: true, s: "0.1", r: false, m: 10, t: false } })).response.data.status;
done.push(await exchange.twapCancel({ a: 0, t: running.twapId }));
const refused = await exchange.createVault({ name: "mine", description: "of a few words", initialUsd: 100_000_000, nonce: Date.now() }).catch(error => error);
console.log("done", done.filter(told => told.status === "ok").length, "refused", refused.message);

// -- what it can hear --

const wanted = {
  activeAssetCtx: { coin }, activeAssetData: { user, coin }, activeSpotAssetCtx: { coin: "@1" }, bbo: { coin }, candle: { coin, interval: "1m" },
  clearinghouseState: { user }, l2Book: { coin: "ETH" }, openOrders: { user }, orderUpdates: { user }, spotState: { user }, trades: { coin },
  userEvents: { user }, userFills: { user }, userFundings: { user }, userNonFundingLedgerUpdates: { user }, webData2: { user }, webData3: { user },
};
const told = [new Promise(then => feed.allMids(then))];
const subscribed = [];
for (const [name, params] of Object.entries(wanted))
  told.push(new Promise(then => subscribed.push(feed[name](params, then))));
const streams = await Promise.all(subscribed);
const quick = new ExchangeClient({ transport: socket, wallet }); // its actions go over the socket
await quick.order({ orders: [order("70000", "Ioc")], grouping: "na" });
console.log("heard", (await Promise.all(told)).length);
await Promise.all(streams.map(stream => stream.unsubscribe()));
const unknown = await feed.allDexsAssetCtxs(() => {}).catch(error => error);
console.log("unknown", unknown.message.slice(0, 50));
await socket.close();
process.exit(0);
