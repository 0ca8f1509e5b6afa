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
await socket.close();
process.exit(0);
