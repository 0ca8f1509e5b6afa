"""A server that does nothing: it sends every frame back. What a round trip costs where there is no venue: `load.py` compares with it."""

from __future__ import annotations

import asyncio

from load_wire import cut


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.held = b""

    def data_received(self, data: bytes) -> None:
        frames, self.held = cut(self.held + data)
        self.transport.write(b"".join(frames))


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print(f"echo at 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
