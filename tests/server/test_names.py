"""By which names a page may read a server of this machine: DNS rebinding, in which a page has its own name mean 127.0.0.1."""

from __future__ import annotations

import asyncio

import pytest
from wire import World

from perplab.exchange.server.gateway import Gateway
from perplab.exchange.server.status import Facts


async def answered(address: str, path: str, host: str | None) -> tuple[int, str]:
    gateway = Gateway(World().host, Facts("interpreted", "", 0), lambda: None)
    port = await gateway.start(address, 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    named = "" if host is None else f"Host: {host.format(port=port)}\r\n"
    writer.write(f"GET {path} HTTP/1.{0 if host is None else 1}\r\n{named}Connection: close\r\n\r\n".encode())
    told = (await reader.read()).decode()
    writer.close()
    await gateway.close()
    return int(told.split()[1]), told


PRIVATE = ("/status.json", "/status", "/metrics", "/dashboard/about.json", "/")


@pytest.mark.parametrize("path", PRIVATE)
@pytest.mark.parametrize("host", ["evil.example:{port}", "evil.example", "127.0.0.1.evil.example:{port}", "localhost.evil:{port}", ""])
def test_no_page_reads_by_a_name_that_was_made_to_lead_here(host: str, path: str) -> None:
    code, told = asyncio.run(answered("127.0.0.1", path, host))
    assert code == 403 and "use localhost or 127.0.0.1" in told and "sandbox" not in told


@pytest.mark.parametrize("path", PRIVATE)
@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST", "127.0.0.1", "[::1]:{port}", "[::1]", None])
def test_this_machine_s_own_names_are_right(host: str | None, path: str) -> None:
    assert asyncio.run(answered("127.0.0.1", path, host))[0] == 200


@pytest.mark.parametrize(("address", "path"), [("127.0.0.1", "/health"), ("0.0.0.0", "/status.json"), ("0.0.0.0", "/")])
def test_other_names_lead_to_a_server_of_a_network_and_to_its_health(address: str, path: str) -> None:
    assert asyncio.run(answered(address, path, "sandbox.example:{port}"))[0] == 200
