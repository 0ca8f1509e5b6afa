"""Topics that the venue has no mechanism for, by what is missing: the list of docs/conformance.md, which a test compares."""

from __future__ import annotations

from typing import Final, NamedTuple


class Missing(NamedTuple):
    mechanism: str  # what the venue does not have
    topics: tuple[str, ...]  # "venue topic", of those that would need it


MISSING: Final = (
    Missing(
        "Inverse contracts: payoffs here are linear, so that a position's value in the settlement asset is proportional to the price",
        (
            "bitmex inverse_pnl_and_funding", "bybit inverse_cross_bankruptcy_and_liquidation", "bybit inverse_isolated_bankruptcy",
            "bybit liquidation_price_inverse_isolated", "okx historic_shortfall",
        ),
    ),
    Missing(
        "A lending engine: deposits are not lent, so that they have no interest index, no borrowers and no collateral that is sold",
        ("drift_v2 socialised_loss_depositors", "euler health_proportional_discount", "aave_v3 close_factor", "aevo collateral_conversion"),
    ),
    Missing(
        "Portfolio margin: positions are margined one by one, without scenarios over all of them",
        ("paradex portfolio_margin_min_delta",),
    ),
    Missing(
        "Requirements that grow with size or open interest: tiers here are steps of notional, each with a constant rate",
        (
            "dydx_v4 open_interest_scaled_imf_ppm", "dydx_v4 oi_scaled_initial_margin", "deribit linear_size_scaled_margin",
            "ftx imf_factor_sqrt",
        ),
    ),
    Missing(
        "A requirement that is measured at the entry price: here it is measured at the mark",
        ("bybit liquidation_price_linear_isolated", "ftx staged_liquidation"),
    ),
    Missing(
        "Stages of liquidation that follow the margin of the account: a share of the position by tier, by a target ratio, or by a fraction "
        "of the margin with an absolute floor",
        (
            "okx partial_liquidation_to_tier1", "paradex partial_liquidation_share", "paradex partial_liquidation_result_fee50",
            "ftx auto_close_margin_fraction",
        ),
    ),
    Missing(
        "A takeover price with a discount that follows the weights of a position: the vault here takes over at the mark",
        ("vertex liquidation_take_over_price",),
    ),
    Missing(
        "Auctions that fall by a share of what is left, in steps, and begin anew: prices here fall in one or two lines",
        (
            "maker_liq2 exponential_decrease_half_life", "maker_liq2 stairstep_time_to_oracle_price",
            "maker_liq2 lowest_price_before_reset",
        ),
    ),
    Missing(
        "Auto-deleveraging that is triggered by the fund's drawdown: the triggers here are negative equity and a fund that cannot pay",
        (
            "bybit adl_trigger_drawdown", "bybit adl_trigger_drawdown_after_profit", "okx adl_reserve_threshold",
        ),
    ),
    Missing(
        "Deleveraging at a blend of mark and bankruptcy price, or at the one that the other's distance decides: here it is one of the two",
        ("ftx backstop_counterparty_price", "bybit adl_settlement_price"),
    ),
    Missing("A rank of winners by profit over wallet balance: accounts are ranked by their equity", ("binance adl_leverage_pnl",)),
    Missing(
        "Haircuts on withdrawals: losses are shared per open lot, or out of the profits of a settlement",
        ("paradex withdrawal_haircut", "paradex withdrawal_haircut_recovers"),
    ),
    Missing("A mean of premiums whose later samples weigh more: all samples weigh the same", ("bybit linear_weighted_premium",)),
    Missing(
        "Limits on how often an account may send orders that are a rule of the venue: here they are the server's",
        ("dydx_v4 stateful_order_rate_limit",),
    ),
    Missing(
        "Orders that are cancelled one by one until the initial requirement is met: an order that has no margin when it would trade is "
        "cancelled then",
        ("paradex open_order_pruning_below_im",),
    ),
    Missing("Discounts on fees: rates are the market's", ("paradex fee_discount_stack",)),
    Missing(
        "Spot orders, whose money is set aside with the fee and given back: an order here needs margin, and a fee is taken when it trades",
        ("injective_fba market_buy_hold_and_refund", "injective_fba unmatched_limit_fee_refund"),
    ),
)  # fmt: skip

UNCOVERED: Final = {(venue, topic): one.mechanism for one in MISSING for venue, topic in (named.split() for named in one.topics)}
