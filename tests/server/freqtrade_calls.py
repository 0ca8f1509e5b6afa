"""freqtrade's exchange layer as its bots use it, dry and live: python freqtrade_calls.py URL, with a Python that has freqtrade."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from freqtrade.enums import CandleType, RunMode  # type: ignore[import-not-found, unused-ignore]
from freqtrade.resolvers import ExchangeResolver  # type: ignore[import-not-found, unused-ignore]

PAIR, OTHER = "BTC/USDC:USDC", "ETH/USDC:USDC"
AMOUNT, LEVERAGE = 0.01, 5.0
PRICING = {"price_side": "same", "use_order_book": True, "order_book_top": 1}
ORDER_TYPES = {"entry": "limit", "exit": "limit", "stoploss": "limit", "stoploss_on_exchange": True}


def config(url: str, is_dry: bool) -> dict[str, Any]:
    """That of a user, with the server's URL in `ccxt_config`."""
    urls = {"public": url, "private": url, "ws": {"public": url.replace("http", "ws") + "/ws"}}
    return {
        "dry_run": is_dry, "dry_run_wallet": 1_000, "runmode": RunMode.DRY_RUN if is_dry else RunMode.LIVE, "stake_currency": "USDC",
        "stake_amount": 100, "trading_mode": "futures", "margin_mode": "isolated", "candle_type_def": CandleType.FUTURES, "timeframe": "1m",
        "order_types": ORDER_TYPES, "entry_pricing": PRICING, "exit_pricing": PRICING,
        "exchange": {
            "name": "hyperliquid", "walletAddress": "0x14791697260E4c9A71f18484C9f997B308e59325",
            "privateKey": "0x0123456789012345678901234567890123456789012345678901234567890123", "pair_whitelist": [PAIR, OTHER],
            "ccxt_config": {"urls": {"api": urls, "test": urls}, "options": {"sandboxMode": True}},
        },
    }  # fmt: skip


def ago(minutes: int) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def read(bot: Any) -> None:
    assert set(bot.get_markets(quote_currencies=["USDC"], tradable_only=True, active_only=True)) >= {PAIR, OTHER}
    assert bot.get_tickers()[PAIR]["last"] > 0 and bot.fetch_ticker(PAIR)["symbol"] == PAIR
    assert bot.fetch_funding_rate(PAIR)["symbol"] == PAIR
    book = bot.fetch_l2_order_book(PAIR, 20)
    assert book["bids"][0][0] < book["asks"][0][0]
    assert bot.get_rates(PAIR, True, False)[0] > 0 and 0 < bot.get_fee(PAIR) < 0.001
    assert bot.get_max_leverage(PAIR, 100) == 40 and bot.get_min_pair_stake_amount(PAIR, 60_000, -0.05, LEVERAGE) > 0
    assert (bot.get_precision_amount(PAIR), bot.get_precision_price(PAIR), bot.get_contract_size(PAIR)) == (1e-5, 1.0, 1.0)
    for kind, frame in ((CandleType.FUTURES, "1m"), (CandleType.FUNDING_RATE, "1h")):
        assert bot.get_historic_ohlcv(PAIR, frame, int(ago(600).timestamp() * 1_000), kind) is not None
    bot.refresh_latest_ohlcv([(PAIR, "1m", CandleType.FUTURES)], drop_incomplete=False)
    assert len(bot.klines((PAIR, "1m", CandleType.FUTURES))) > 0
    assert bot.check_delisting_time(PAIR) is None


def order(bot: Any, kind: str, side: str, rate: float, *, reduces: bool = False) -> str:
    made = bot.create_order(
        pair=PAIR, ordertype=kind, side=side, amount=AMOUNT, rate=rate, leverage=LEVERAGE, reduceOnly=reduces, time_in_force="GTC"
    )
    return str(made["id"])


def trade(bot: Any, is_dry: bool) -> None:
    rate = bot.get_rate(PAIR, True, "entry", False)
    resting = order(bot, "limit", "buy", bot.price_to_precision(PAIR, rate * 0.95))
    assert bot.fetch_order(resting, PAIR)["status"] == "open"
    assert bot.cancel_order_with_result(resting, PAIR, AMOUNT)["status"] == "canceled"
    bought = bot.fetch_order(order(bot, "market", "buy", rate), PAIR)
    assert (bought["status"], bought["filled"]) == ("closed", AMOUNT)
    stop = bot.create_stoploss(PAIR, AMOUNT, bot.price_to_precision(PAIR, rate * 0.9), ORDER_TYPES, "sell", LEVERAGE)
    found = bot.fetch_stoploss_order(stop["id"], PAIR)
    assert found["status"] == "open" and bot.stoploss_adjust(rate * 0.95, found, "sell")
    if not is_dry:
        hold(bot, bought, rate)
    assert bot.cancel_stoploss_order_with_result(stop["id"], PAIR, AMOUNT)["status"] == "canceled"
    sold = bot.fetch_order(order(bot, "market", "sell", rate, reduces=True), PAIR)
    assert sold["status"] == "closed" and bot.get_funding_fees(PAIR, AMOUNT, False, ago(60)) is not None


def hold(bot: Any, bought: dict[str, Any], rate: float) -> None:
    """What is asked of the exchange only when it is for real."""
    (position,) = bot.fetch_positions(PAIR)
    assert (position["contracts"], position["leverage"], position["marginMode"]) == (AMOUNT, LEVERAGE, "isolated")
    assert 0.7 * rate < bot.get_liquidation_price(PAIR, rate, False, AMOUNT, AMOUNT * rate / LEVERAGE, LEVERAGE, 1_000, []) < 0.9 * rate
    fills = bot.get_trades_for_order(bought["id"], PAIR, ago(1))
    assert sum(one["amount"] for one in fills) == AMOUNT and all(one["fee"]["currency"] == "USDC" for one in fills)
    assert 0 < bot.get_balances()["USDC"]["free"] < 10_000 and len(bot.fetch_orders(PAIR, ago(60))) >= 3


def main(url: str) -> None:
    for is_dry in (True, False):
        bot = ExchangeResolver.load_exchange(config(url, is_dry), validate=True, load_leverage_tiers=True)
        try:
            if not is_dry:  # a bot's first question, by which its address becomes known
                assert bot.get_balances()["USDC"]["total"] == 10_000
            read(bot)
            trade(bot, is_dry)
        finally:
            bot.close()  # its threads would keep the process
        print("dry" if is_dry else "live", bot.name)


if __name__ == "__main__":
    main(sys.argv[1])
