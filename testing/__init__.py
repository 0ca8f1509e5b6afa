"""perplab.testing: a pytest fixture for bots. Installed, it is a plugin that pytest finds by itself; a venue is loaded only by who asks.

    def test_my_bot(perplab_exchange):
        client = perplab_exchange(world="sandbox")  # a LocalClient: fresh, seeded, its clock stepped
        client.step(10)
        assert client.ticker("BTC").bid

`perplab_exchange(seed=1, venue="sandbox", prices={"BTC": "60000"})` has an empty book; `client.join("bob")` is who trades against you.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from perplab.clients import LocalClient
    from perplab.clients.units import Number


def local_exchange(
    name: str | None = "alice",
    *,
    venue: str = "sandbox",
    world: str | None = None,
    prices: Mapping[str, Number] | None = None,
    seed: int = 1,
) -> LocalClient:
    """A client of a venue of its own. `world` names a world of `perplab serve`, whose prices, makers and takers are drawn from `seed`."""
    from perplab.clients.local import LocalClient, LocalHost

    if world is None:
        return LocalClient(name, venue=venue, prices=prices, seed=seed)
    from perplab.lab.world import World, load_world

    host = LocalHost(venue, seed)
    host.attach(World(load_world(world), host.exchange, seed, host.clock.now(), world))
    host.pass_time()
    return LocalClient(name, host=host, prices=prices)


@pytest.fixture
def perplab_exchange() -> Iterator[Callable[..., LocalClient]]:
    """Makes clients of fresh venues, with the arguments of `local_exchange`; they are closed behind the test."""
    made: list[LocalClient] = []

    def make(*args: object, **options: object) -> LocalClient:
        made.append(local_exchange(*args, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for client in made:
        client.close()
