"""The server's soak, in small: `make soak KILLS=200 FRAMES=1000000` runs it in full."""

from __future__ import annotations

import pytest
from soak_wire import Trader, feed_frames, kill_many

from perplab.exchange.server.session import Session


@pytest.mark.parametrize("logged_in", [False, True])
def test_broken_frames_have_documented_answers(logged_in: bool) -> None:
    told = feed_frames(4_000, 3, logged_in)
    assert "4,000 frames" in told and "NOT_DECODABLE" in told and "ok" in told


def test_killed_under_load_it_loses_nothing_that_it_acknowledged() -> None:
    assert kill_many(3, 4).startswith("3 kills: ")


def test_the_soak_would_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is not documented, and a gap that nobody tells of."""
    with pytest.raises(Exception, match="no word of a gap"):
        trader = Trader("alice", 1)
        trader.heard = 5
        trader.hear({"type": "events", "prev_seq": 6, "seq": 7})
    monkeypatch.setattr(Session, "refuse", lambda self, request, error: self.reply(None, {"ok": False, "code": 7, "message": "no"}))
    with pytest.raises(Exception, match="was answered with"):
        feed_frames(100, 1, False)
