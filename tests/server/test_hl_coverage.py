"""docs/hyperliquid.md says what is there, and what that needs is in the package."""

from __future__ import annotations

from pathlib import Path

from updates import Updates

from perplab.exchange.server.hyperliquid.coverage import markdown
from perplab.exchange.server.hyperliquid.desk import REGISTRIES
from perplab.exchange.server.hyperliquid.registry import Entry

PAGE = Path(__file__).parents[2] / "docs" / "hyperliquid.md"
MARK = "<!-- from here on made by exchange/server/hyperliquid/coverage.py: pytest tests/server/test_hl_coverage.py --update -->"
ASKED = (  # what the SDK, ccxt, freqtrade, hummingbot and nautilus ask for
    "meta", "spotMeta", "metaAndAssetCtxs", "spotMetaAndAssetCtxs", "allMids", "l2Book", "recentTrades", "candleSnapshot",
    "clearinghouseState", "spotClearinghouseState", "openOrders", "frontendOpenOrders", "orderStatus", "historicalOrders", "userFills",
    "userFillsByTime", "userFunding", "fundingHistory", "predictedFundings", "userFees", "userRateLimit", "perpDexs", "exchangeStatus",
    "userAbstraction", "subAccounts", "extraAgents", "referral", "maxBuilderFee", "portfolio", "allPerpMetas", "outcomeMeta",
)  # fmt: skip
HEARD = (
    "l2Book", "bbo", "trades", "candle", "allMids", "activeAssetCtx", "activeAssetData", "orderUpdates", "userEvents", "user", "userFills",
    "userFundings", "userNonFundingLedgerUpdates", "notification", "webData2", "webData3",
)  # fmt: skip


def test_the_page_has_the_tables_of_the_code(updates: Updates) -> None:
    before = PAGE.read_text(encoding="utf-8")
    after = before.partition(MARK)[0] + MARK + "\n\n" + markdown(REGISTRIES)
    if updates.on:
        updates.put(PAGE, before, after)
    assert updates.on or before == after, "docs/hyperliquid.md is behind the code: pytest tests/server/test_hl_coverage.py --update"


def test_what_clients_ask_for_is_there() -> None:
    info, _, subscriptions = REGISTRIES
    assert set(ASKED) <= set(info.entries) and set(HEARD) <= set(subscriptions.entries)


def test_each_entry_says_what_differs() -> None:
    def told(entry: Entry) -> bool:
        return bool(entry.note) != (entry.cover == "full") and not entry.note.endswith(".") and "|" not in entry.note

    assert all(told(entry) for registry in REGISTRIES for entry in registry.entries.values())
