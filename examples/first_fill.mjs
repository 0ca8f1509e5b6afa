// From nothing to a first fill, with a socket and a msgpack library: node first_fill.mjs [PORT]. Needs `perplab serve`.

import { createHmac } from "node:crypto";
import { connect } from "node:net";
import { decodeMultiStream, encode } from "@msgpack/msgpack";

const port = Number(process.argv[2] ?? 3100);
const connection = connect(port, "127.0.0.1");
const waiting = new Map(); // id -> what to do with the reply
let last = 0;

function ask(op, fields = {}) {
  const id = ++last;
  connection.write(encode({ id, op, ...fields }));
  return new Promise((resolve, reject) =>
    waiting.set(id, (reply) => (reply.ok ? resolve(reply) : reject(new Error(reply.message)))),
  );
}

async function read() {
  for await (const message of decodeMultiStream(connection)) {
    waiting.get(message.id)?.(message); // without an id it belongs to a stream, to which nobody has subscribed here
    waiting.delete(message.id);
  }
}

read().catch(({ code, message }) => {
  console.error(code === "ECONNREFUSED" ? `nobody answers at 127.0.0.1:${port}; \`perplab serve\` starts a server` : message);
  process.exit(1);
});
const made = await ask("faucet", { name: `fill-node-${process.pid}` }); // a user, an account with 100,000 USD, a key
const { nonce } = await ask("challenge", { key: made.key });
const signature = createHmac("sha256", made.secret).update(nonce).digest("hex");
await ask("login", { key: made.key, signature });
const market = (await ask("venue")).markets[0];
const order = await ask("place", { market: market.name, side: "BUY", price: 0, size: 100, order_type: "MARKET" });
const position = (await ask("account")).positions[0];
const price = (position.entry_notional / position.size / market.unit) * Number(market.tick);
console.log(`${order.state}: bought ${order.filled * Number(market.lot)} ${market.name} at ${price.toFixed(2)} USD`);
connection.end();
