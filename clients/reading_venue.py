"""What a venue says of itself, from the wire's map: its markets with their terms, and how commands are carried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from perplab.exchange.units import PPB, PPM

from . import types as t
from .units import MILLIONTH, WIDE, Curve, FundingTerms, JumpFee, Market, MarkTerms, OracleTerms, Tier, money

Wire = Mapping[str, Any]


def whole(given: object) -> int:
    """A number that is handed on as it is. Raises TypeError for what is none: else it would be found out by who reckons with it."""
    if type(given) is not int:
        raise TypeError(f"{given!r} is no whole number")
    return given


def own_id(given: Any) -> t.ClientId | None:
    """A client id as the wire has it: a number or a text. Raises TypeError."""
    if given is not None and type(given) not in (int, str):
        raise TypeError(f"a client id of {given!r}")
    number_or_text: t.ClientId | None = given
    return number_or_text


def named(names: Sequence[str], number: int) -> str:
    """The name with this number, from 0. Raises IndexError: Python's own indices count a negative number from the end."""
    if number < 0:
        raise IndexError(f"there is no number {number} of {', '.join(names)}")
    return names[number]


def market_of(told: Wire, assets: Sequence[str]) -> Market:
    """`assets`: the names of the venue's."""
    base, tick, lot = told.get("base_asset"), Decimal(told["tick"]), Decimal(told["lot"])
    return Market(
        number=whole(told["market"]), name=str(told["name"]), tick=tick, lot=lot,
        significant_figures=whole(told["significant_figures"]), minimum_notional=Decimal(told["minimum_notional"]),
        max_leverage=whole(told["max_leverage"]), maker_fee=WIDE.divide(Decimal(told["maker_fee_ppb"]), PPB),
        taker_fee=WIDE.divide(Decimal(told["taker_fee_ppb"]), PPB), settlement_asset=whole(told["settlement_asset"]),
        curve=curve_of(told.get("curve")), matching=str(told.get("matching", {}).get("rule", "price_time")),
        queue_classes=bool(told.get("matching", {}).get("queue_classes")), tiers=tuple(map(tier_of, told.get("tiers", ()))),
        kind=str(told["kind"]) if "kind" in told else kind_of(told), base_asset="" if base is None else named(assets, base),
        price_band=share(told["price_band_ppm"], PPM) if "price_band_ppm" in told else None,
        default_leverage=whole(told["default_leverage"]) if "default_leverage" in told else None,
        open_interest_cap=Decimal(told["open_interest_cap"]) if told.get("open_interest_cap") is not None else None,
        jump_fee=jump_fee_of(told.get("jump_fee")), oracle=oracle_of(told.get("oracle")), mark=mark_of(told.get("mark")),
        funding=funding_of(told.get("funding")),
        max_price=times(tick, told.get("max_price")), max_size=times(lot, told.get("max_size")),
        top_share=times(MILLIONTH, told.get("matching", {}).get("top_share_ppm")),
        least_share=times(lot, told.get("matching", {}).get("least_share")),
    )  # fmt: skip


def times(step: Decimal, count: object) -> Decimal | None:
    """So many steps; None: not told."""
    return None if count is None else WIDE.multiply(step, whole(count))


def oracle_of(told: Wire | None) -> OracleTerms | None:
    return None if told is None else OracleTerms(stale_after_ms=whole(told["stale_after_ms"]), on_stale=str(told["on_stale"]))


def mark_of(told: Wire | None) -> MarkTerms | None:
    if told is None:
        return None
    return MarkTerms(rule=str(told["rule"]), cadence_ms=whole(told["cadence_ms"]), terms=tuple(told["terms"].items()))


def funding_of(told: Wire | None) -> FundingTerms | None:
    if told is None:
        return None
    return FundingTerms(
        rule=str(told["rule"]), sample_interval_ms=whole(told["sample_interval_ms"]), interval_ms=whole(told["interval_ms"]),
        payment=str(told["payment"]), price=str(told["price"]), terms=tuple(told["terms"].items()),
    )  # fmt: skip


def jump_fee_of(told: Wire | None) -> JumpFee | None:
    return None if told is None else JumpFee(**{name: share(told[f"{name}_ppm"], PPM) for name in JumpFee.__struct_fields__})


def kind_of(told: Wire) -> str:
    """Of a market whose kind is not told: a perpetual has margin tiers."""
    return "spot" if "tiers" in told and not told["tiers"] else "perpetual"


def share(count: int, whole_is: int) -> Decimal:
    """A count of parts as a share."""
    return WIDE.divide(Decimal(whole(count)), whole_is)


def collateral_of(told: Wire, assets: Sequence[str], markets: Sequence[str]) -> t.Collateral:
    hedges = told["hedges"]
    weights = {name: share(told[f"{name}_ppm"], PPM) for name in ("weight", "hedged_weight", "hedged_margin")}
    return t.Collateral(
        asset=named(assets, told["asset"]), market=named(markets, told["market"]),
        hedges="" if hedges is None else named(markets, hedges), **weights,
    )  # fmt: skip


def fee_tier_of(told: Wire) -> t.FeeTier:
    fees = {name: share(told[f"{name}_ppb"], PPB) for name in ("maker_fee", "taker_fee")}
    return t.FeeTier(volume=Decimal(whole(told["volume"])), **fees)


def maker_tier_of(told: Wire) -> t.MakerTier:
    return t.MakerTier(share=share(told["share_ppm"], PPM), rebate=share(told["rebate_ppb"], PPB))


def payments_of(told: Wire) -> t.Payments:
    delays = {name: whole(told[name]) for name in t.Payments.__struct_fields__ if name.endswith("_ms")}
    return t.Payments(withdrawals=str(told["withdrawals"]), transfers=str(told["transfers"]), **delays)


def liquidation_of(told: Wire | None) -> t.LiquidationTerms | None:
    if told is None:
        return None
    adl = told["auto_deleverage"]
    names = t.DeleverageTerms.__struct_fields__
    return t.LiquidationTerms(
        steps=tuple(map(str, told["steps"])), fee=share(told["fee_ppm"], PPM), fee_from=str(told["fee_from"]),
        surplus_to=str(told["surplus_to"]), backstops=tuple(map(str, told["backstops"])),
        auto_deleverage=None if adl is None else t.DeleverageTerms(**{name: str(adl[name]) for name in names}),
    )  # fmt: skip


def limits_of(told: Wire) -> dict[str, int]:
    """Of an account, as far as they are told."""
    return {name: whole(told[name]) for name in ("max_open_orders", "max_triggers", "max_twaps", "max_sub_accounts") if name in told}


def tier_of(told: Wire) -> Tier:
    rates = (WIDE.divide(Decimal(whole(told[f"{name}_margin_ppm"])), PPM) for name in ("initial", "maintenance"))
    return Tier(Decimal(whole(told["lower_notional"])), *rates)


def curve_of(told: Wire | None) -> Curve | None:
    if told is None:
        return None
    return Curve(
        rule=str(told["rule"]), role=str(told["role"]), is_virtual=bool(told["is_virtual"]), lock_ms=whole(told["lock_ms"]),
        reducing_fee=WIDE.divide(Decimal(told["reducing_fee_ppb"]), PPB),
    )  # fmt: skip


def prices_of(market: Market, told: Sequence[int] | None) -> t.Prices | None:
    return None if told is None else t.Prices(*map(market.price, map(whole, told)))


def candle_of(market: Market, told: Wire) -> t.Candle:
    traded = None if told["open"] is None else [told[name] for name in ("open", "high", "low", "close")]
    return t.Candle(
        market=market.name, begin=whole(told["begin"]), trades=prices_of(market, traded), count=whole(told["trades"]),
        size=market.size(told["size"]), value=money(whole(told["value"])), liquidated=market.size(told["liquidated"]),
        mark=prices_of(market, told["mark"]), oracle=prices_of(market, told["oracle"]),
    )  # fmt: skip


def sequencing_of(told: Wire) -> t.Sequencing:
    latencies = {name: whole(told[name]) for name in t.Sequencing.__struct_fields__ if name.endswith("_ms")}
    return t.Sequencing(rule=str(told["rule"]), terms=dict(told["terms"]), **latencies)


def venue_of(told: Wire) -> t.Venue:
    """Raises ValueError for markets that no number could be converted in, among others."""
    assets = tuple(map(str, told["assets"]))
    markets = {market.name: market for market in (market_of(one, assets) for one in told["markets"])}
    if [market.number for market in markets.values()] != list(range(len(told["markets"]))):
        raise ValueError("the numbers of the markets are not 0, 1, 2, ...")
    for market in markets.values():
        if not (market.tick.is_finite() and market.lot.is_finite() and market.tick > 0 and market.lot > 0):
            raise ValueError(f"{market.name} has a tick of {market.tick} and a lot of {market.lot}")
    kept = share(told["transfer_margin_ppm"], PPM) if "transfer_margin_ppm" in told else None
    markets = {name: replace(market, transfer_margin=kept) for name, market in markets.items()}
    sequencing = sequencing_of(told["sequencing"]) if "sequencing" in told else t.Sequencing()
    gas = t.Gas(**{name: money(whole(cost)) for name, cost in told.get("gas", {}).items() if name in t.Gas.__struct_fields__})
    return t.Venue(
        str(told["name"]), str(told["title"]), assets, markets, str(told["epoch"]), sequencing, gas,
        collateral=tuple(collateral_of(one, assets, list(markets)) for one in told.get("collateral", ())),
        max_debt=whole(told["max_debt"]) if "max_debt" in told else None,
        transfer_margin=kept,
        fee_tiers=tuple(map(fee_tier_of, told.get("fee_tiers", ()))),
        maker_tiers=tuple(map(maker_tier_of, told.get("maker_tiers", ()))), fee_window_days=whole(told.get("fee_window_days", 0)),
        money=payments_of(told["money"]) if "money" in told else t.Payments(), limits=limits_of(told),
        liquidation=liquidation_of(told.get("liquidation")),
    )  # fmt: skip
