"""From nothing to a first fill, with a socket and a msgpack library: python first_fill.py [PORT]. Needs `perplab serve`."""

import hmac
import socket
import sys
from itertools import count

import msgpack

port = int(sys.argv[1]) if len(sys.argv) > 1 else 3100
try:
    connection = socket.create_connection(("127.0.0.1", port))
except ConnectionRefusedError:
    sys.exit(f"nobody answers at 127.0.0.1:{port}; `perplab serve` starts a server")
replies, numbers = msgpack.Unpacker(), count(1)


def ask(op, **fields):
    """Send a request; the reply that has its id. Other messages are streams, to which nobody has subscribed here."""
    number = next(numbers)
    connection.sendall(msgpack.packb({"id": number, "op": op, **fields}))
    while True:
        for message in replies:
            if message.get("id") == number:
                assert message["ok"], message
                return message
        replies.feed(connection.recv(65536))


made = ask("faucet", name=f"fill-{connection.getsockname()[1]}")  # a user, an account with 100,000 USD, a key
nonce = ask("challenge", key=made["key"])["nonce"]
signature = hmac.new(made["secret"].encode(), nonce.encode(), "sha256").hexdigest()
ask("login", key=made["key"], signature=signature)
market = ask("venue")["markets"][0]
order = ask("place", market=market["name"], side="BUY", price=0, size=100, order_type="MARKET")
position = ask("account")["positions"][0]
price = position["entry_notional"] / position["size"] / market["unit"] * float(market["tick"])
print(f"{order['state']}: bought {order['filled'] * float(market['lot']):g} {market['name']} at {price:,.2f} USD")
