"""The shells over real sockets: connections that break, servers that say nothing, and who waits how long. No test waits for a clock."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from front import front
from link import new_host
from test_three import priced, serving

from perplab.clients import Client, Disconnected, NotConnected, Reconnected, Refused, SyncClient, TimedOut, Unknown

MARKET = new_host().exchange.design.markets[0].name


def first_place(number: int, data: bytes) -> bool:
    """Hang up when the first connection places an order: it is placed, and the reply is lost."""
    return number == 1 and b"place" in data


def first_ticker(number: int, data: bytes) -> bool:
    return number == 1 and b"ticker" in data


def test_a_lost_reply_is_unknown_and_can_be_asked_for() -> None:
    with front(first_place) as server, SyncClient(port=server.port, name="alice") as client:
        client.faucet("1000")
        with pytest.raises(Unknown, match="the server has ended the connection") as caught:
            client.buy(MARKET, "0.001", "59000")
        order = client.outcome(caught.value)
        assert client.open_orders()[0].order_id == order.order_id
        assert [type(event) for event in client.events(timeout=0.0)] == [Disconnected, Reconnected]
        again = client.buy(MARKET, "0.001", "59000", client_id=caught.value.client_id)
        assert again.repeated and len(client.open_orders()) == 1


def test_the_same_awaited() -> None:
    async def script(port: int) -> None:
        async with Client(port=port, name="alice") as client:
            await client.faucet("1000")
            with pytest.raises(Unknown) as caught:
                await client.buy(MARKET, "0.001", "59000")
            order = await client.outcome(caught.value)
            assert (await client.open_orders())[0].order_id == order.order_id
            assert [type(event) async for event in client.events(timeout=0.0)] == [Disconnected, Reconnected]

    with front(first_place) as server:
        asyncio.run(script(server.port))


def test_a_question_is_asked_again_by_itself() -> None:
    with front(first_ticker) as server, SyncClient(port=server.port, name="alice") as client:
        assert client.ticker(MARKET).oracle == 60_000
        assert server.connections == 2


def test_the_same_question_awaited_by_many() -> None:
    async def script(port: int) -> None:
        async with Client(port=port, name="alice") as client:
            tickers = await asyncio.gather(*(client.ticker(MARKET) for _ in range(20)))
            assert {ticker.oracle for ticker in tickers} == {60_000}

    with front(first_ticker) as server:
        asyncio.run(script(server.port))
        assert server.connections == 2


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_told() -> None:
    async def script(port: int) -> None:
        with pytest.raises(TimedOut, match=r"no login within 0\.01 s"):
            await Client(port=port, name="alice", timeout=0.01).connect()

    with front(is_mute=True) as server:
        with pytest.raises(TimedOut, match=r"no login within 0\.01 s"):
            SyncClient(port=server.port, name="alice", timeout=0.01)
        asyncio.run(script(server.port))


def test_a_call_and_an_event_are_waited_for_no_longer_than_told() -> None:
    with front() as server, SyncClient(port=server.port, name="alice") as client:
        server.is_mute = True
        lost = r"no reply came within 0\.005 s; whether 'place' was carried out is not known.*outcome\(this error\), or place it again"
        with pytest.raises(Unknown, match=lost):
            client.buy(MARKET, "0.1", "59000", client_id=7, timeout=0.005)
        with pytest.raises(TimedOut, match=r"no reply came within 0\.005 s to 'ping'"):
            client.ping(timeout=0.005)
        client.timeout = 0.01
        with pytest.raises(TimedOut):
            client.ticker(MARKET)
        with pytest.raises(Unknown, match=r"no reply came within 0\.01 s"):
            client.cancel_all()
        assert client.next_event(timeout=0.0) is None


def test_nobody_there_is_said_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NotConnected, match="`perplab serve` starts a server"):
        SyncClient(port=port)
    with pytest.raises(NotConnected, match="`perplab serve` starts a server"):
        asyncio.run(Client(port=port).connect())


def test_a_server_that_is_gone_is_given_up() -> None:
    with front() as server:
        client = SyncClient(port=server.port, name="alice", retry_s=0.0)
        server.cut = lambda number, data: True
        server.listener.shutdown(socket.SHUT_RDWR)
        with pytest.raises(NotConnected):
            client.ticker(MARKET)
        assert isinstance(client.next_event(timeout=0.0), Disconnected)
        with pytest.raises(NotConnected):
            client.next_event(timeout=0.0)
        server.listener.close()
        server.listener = socket.create_server(("127.0.0.1", 0))


def test_a_closed_client_says_so() -> None:
    with front() as server:
        with SyncClient(port=server.port, name="alice") as client:
            pass
        with pytest.raises(NotConnected, match="this client was closed"):
            client.ticker(MARKET)


def test_who_is_not_let_in_is_told_why() -> None:
    with front() as server:
        with pytest.raises(Refused, match="there is no key 'pk_0'"):
            SyncClient(port=server.port, key="pk_0", secret="0")
        with pytest.raises(Refused, match="there is no key 'pk_0'"):
            asyncio.run(Client(port=server.port, key="pk_0", secret="0").connect())


def test_a_key_logs_in() -> None:
    with front() as server:
        server.host.trust = False
        with SyncClient(port=server.port, name="alice") as client:
            key, secret = client.credentials.key, client.credentials.secret
        with SyncClient(port=server.port, key=key, secret=secret) as client:
            assert client.accounts() == [client.account_number] and client.balances()[0].cash == 100_000


def test_the_connection_is_closed_when_the_block_ends() -> None:
    """Whatever the program does then: one that blocks the loop used to keep it open."""

    async def script(port: int) -> int:
        async with Client(port=port, name="alice") as client:
            await client.faucet("10000")
            await client.cancel_on_disconnect("account")
            await client.buy("BTC", "0.01", "59000")
        with SyncClient(port=port, name="alice") as other:  # blocks the loop
            for _ in range(100):
                if not other.open_orders():
                    break
                time.sleep(0.02)
            return len(other.open_orders())

    with serving(priced()) as port:
        assert asyncio.run(script(port)) == 0


def test_a_server_that_reads_nothing_does_not_hold_up_the_end() -> None:
    async def script() -> None:
        held: list[asyncio.StreamWriter] = []

        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            held.append(writer)

        server = await asyncio.start_server(deaf, "127.0.0.1", 0, limit=1)
        client = Client(port=server.sockets[0].getsockname()[1], timeout=0.1)
        await client._open(1)
        assert client._writer is not None
        client._writer.write(bytes(1 << 26))  # more than any buffer of the system takes
        async with asyncio.timeout(60):
            await client.close()
        server.close()
        held[0].close()

    asyncio.run(script())
