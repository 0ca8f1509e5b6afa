"""Venue designs: the contract that every shipped design fulfils, and what a wrong file is told."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
import pytest
from kit import FEES, FIRST, MILLION, PLAIN, ROW, Bench, Dice, markets_of, packed, plain_venue, script, typed, usd

from perplab.exchange import Exchange, Journal, VenueDesign, VenueError, compared_venues, load_venue, replay
from perplab.exchange.codes import Reason
from perplab.exchange.design.venue import venue_of_json
from perplab.exchange.events import Event, Rejected
from perplab.exchange.messages import BlockTrade, Tick
from perplab.exchange.state.types import ACCRUAL_LIMIT, MAX_SUPPLY

DESIGNS = sorted(compared_venues())  # test_presets.py has those of real venues
MECHANISMS = {  # what must have happened to call the script a stress of the design
    "auction_fund_adl": {"AuctionTaken", "Deleveraged", "DeficitPaid"},
    "auction_fund_social": {"AuctionTaken", "LossSocialized", "DeficitPaid"},
    "book_fund_adl": {"Liquidated", "Deleveraged", "DeficitPaid"},
    "book_fund_social": {"Liquidated", "LossSocialized", "DeficitPaid"},
    "book_vault_adl": {"TakenOver", "Deleveraged", "SurplusPaid"},
    "social_only": {"Liquidated", "LossSocialized", "PositionSettled"},
}


class Run:
    """A design under the long script, typed, the ledger's law and all invariants checked on the way."""

    def __init__(self, name: str) -> None:
        self.venue = load_venue(name)
        self.journal = Journal()
        self.exchange = Exchange(self.venue, self.journal)
        self.commands = script(7, 80)
        self.events: list[Event] = []
        for command in self.commands:
            self.events += self.exchange.apply(command)
            self.exchange.check()


@cache
def stressed(name: str) -> Run:
    return Run(name)


# -- the contract --


def test_all_designs_are_tested() -> None:
    assert sorted(MECHANISMS) == DESIGNS and len(DESIGNS) >= 6


@pytest.mark.parametrize("name", DESIGNS)
def test_a_crash_works_every_mechanism(name: str) -> None:
    """Deposits, positions, a crash in steps: the design's own ways to close and to pay are all used, and events are numbered on."""
    run = stressed(name)
    happened = {type(event).__name__ for event in run.events}
    assert (MECHANISMS[name] | {"Traded", "LiquidationStarted", "LiquidationEnded", "FundingCharged", "Rejected"}) <= happened
    assert [event.seq for event in run.events] == list(range(1, len(run.events) + 1))


@pytest.mark.parametrize("name", DESIGNS)
def test_balances_sum_to_deposits_less_withdrawals(name: str) -> None:
    """The ledger's law, to the micro-unit, added up here once more; and the classes of balances leave nobody out."""
    run = stressed(name)
    exchange = run.exchange
    expected = exchange.deposits() - exchange.withdrawals()
    assert sum(exchange.ledger_balance(account) for account in range(exchange.state.accounts.count)) == expected
    assert sum(exchange.balances_by_class().values()) == expected
    paid_in = sum(event.amount for event in run.events if type(event).__name__ == "Deposited")
    taken_out = sum(event.amount for event in run.events if type(event).__name__ == "Withdrawn")
    capital = (run.venue.insurance_fund.capital + run.venue.vault.capital) * 1_000_000
    assert expected == paid_in + capital - taken_out and taken_out > 0
    traders = range(exchange.state.accounts.count)
    assert sum(exchange.position(account, 0).size for account in traders) == 0
    charged = sum(event.taker_fee + event.maker_fee for event in run.events if type(event).__name__ == "Traded")
    assert exchange.balance(FEES) == charged


@pytest.mark.parametrize("name", DESIGNS)
def test_deficits_are_told_in_full(name: str) -> None:
    """What the fund and the shared losses paid is what the events say, cent by cent."""
    run = stressed(name)
    paid = {payer: 0 for payer in (1, 2, 3, 4)}
    for event in run.events:
        if type(event).__name__ == "DeficitPaid":
            paid[event.payer] += event.amount
    assert paid[1] == run.venue.insurance_fund.capital * 1_000_000 - run.exchange.balance(0)
    assert paid[2] == sum(event.amount for event in run.events if type(event).__name__ == "LossSocialized")
    assert paid[4] == -run.exchange.balance(4)


@pytest.mark.parametrize("name", DESIGNS)
def test_replay_and_bulk_agree(name: str) -> None:
    """Typed commands, one packed call, many packed calls of uneven length, and the journal: one state, the same events."""
    run = stressed(name)
    expected = run.exchange.state_hash()
    assert replay(run.journal.bytes()).state_hash() == expected
    rows = packed(run.commands)
    whole = Exchange(run.venue, None, 8, 8)
    assert typed(whole.apply_rows(rows)) == run.events
    assert whole.state_hash() == expected
    parts = Exchange(run.venue)
    events: list[Event] = []
    dice, at = Dice(3), 0
    while at < len(rows):
        size = dice.roll(0, 400) * ROW
        events += typed(parts.apply_rows(rows[at : at + size]))
        at += size
    parts.check()
    assert events == run.events and parts.state_hash() == expected


def test_queries_refuse_numbers_that_do_not_exist() -> None:
    exchange = Exchange(plain_venue())
    with pytest.raises(ValueError, match="market is 2; this venue has 0 to 1"):
        exchange.mark_price(2)
    with pytest.raises(ValueError, match="account is 8; there are 0 to 7"):
        exchange.balance(FIRST)
    with pytest.raises(ValueError, match="account is -1"):
        exchange.position(-1, 0)


@pytest.mark.parametrize("name", DESIGNS)
def test_a_design_survives_its_own_json(name: str) -> None:
    """The journal's header holds the design in full: read back, it is the same design."""
    venue = load_venue(name)
    assert venue_of_json(venue.to_json()) == venue
    assert set(msgspec.json.decode(venue.to_json())) == {field.name for field in msgspec.structs.fields(VenueDesign)} - {"own"}


def test_one_design_under_two_names_behaves_alike() -> None:
    first, second = load_venue("book_fund_adl"), load_venue("book_fund_adl", {"name": "other", "title": "another"})
    rows = packed(script(5, 20))
    one, other = Exchange(first), Exchange(second)
    assert list(one.apply_rows(rows)) == list(other.apply_rows(rows))
    assert one.state_hash() == other.state_hash()


# -- files --


def test_a_file_extends_another_beside_it_or_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text('extends = "social_only"\nmax_open_orders = 7\n')
    (tmp_path / "mine.toml").write_text('extends = "base"\n[markets]\nmax_leverage = 3\ndefault_leverage = 2\n')
    venue = load_venue(tmp_path / "mine.toml")
    assert (venue.name, venue.max_open_orders, venue.backstops) == ("mine", 7, ("socialized_loss",))
    assert (venue.markets[0].max_leverage, venue.markets[0].tick) == (3, load_venue("social_only").markets[0].tick)
    assert load_venue(tmp_path / "mine.toml", {"name": "other"}).name == "other"


def wrong(change: dict[str, object]) -> str:
    """What a shipped design is told when `change` is laid over it."""
    with pytest.raises(VenueError) as told:
        load_venue("book_fund_adl", change)
    return str(told.value)


TIER = {"lower_notional": 0, "initial_margin_ppm": 100_000, "maintenance_margin_ppm": 50_000}
SKEW = {"rule": "skew_fill", "role": "separate", "scale": 5}
WRONG = {  # laid over the shipped design -> what its file, key, value, expectation and nearest name are
    "unknown key": ({"liquidatoin": {}}, ["unknown key liquidatoin", "did you mean 'liquidation'?"]),
    "unknown key of a market": ({"markets": {"tik": 1}}, ["unknown key markets[0].tik", "did you mean 'tick'?"]),
    "unknown key of a table": ({"liquidation": {"book": {"patience": 1}}}, ["unknown key liquidation.book.patience", "'patience_ms'"]),
    "unknown key, nothing near": ({"zzzz": 1}, ["unknown key zzzz", "known: name, markets, "]),
    "wrong type": ({"max_open_orders": "many"}, ["max_open_orders is 'many'", "expected `int`"]),
    "table expected": ({"vault": 3}, ["vault is 3", "expected `object`"]),
    "list expected": ({"liquidation": {"steps": "book"}}, ["liquidation.steps is 'book'", "expected `array`"]),
    "below the bound": ({"markets": {"max_leverage": 0}}, ["markets[0].max_leverage is 0", ">= 1"]),
    "above the bound": ({"auto_deleverage": {}, "vault": {"unwind_ppm": 1_000_001}}, ["vault.unwind_ppm is 1000001", "<= 1000000"]),
    "timer too fast": ({"markets": {"funding": {"sample_interval_ms": 99}}}, ["funding.sample_interval_ms is 99", ">= 100"]),
    "unknown step": ({"liquidation": {"steps": ["bok"]}}, ["liquidation.steps[0] is 'bok'", "did you mean 'book'?"]),
    "unknown backstop": ({"backstops": ["insurance_found"]}, ["backstops[0] is 'insurance_found'", "did you mean 'insurance_fund'?"]),
    "unknown rank": ({"auto_deleverage": {"rank": "lifo"}}, ["auto_deleverage.rank is 'lifo'", "did you mean 'fifo'?"]),
    "unknown payoff": ({"markets": {"payoff": "linnear"}}, ["markets[0].payoff is 'linnear'", "'linear'"]),
    "unknown mark rule": ({"markets": {"mark": {"rule": "orakel"}}}, ["markets[0].mark.rule is 'orakel'", "did you mean 'oracle'?"]),
    "no number": ({"markets": {"tick": "one"}}, ["markets[0].tick is 'one'"]),
    "not a number": ({"markets": {"tick": "nan"}}, ["markets[0].tick is "]),
    "infinite": ({"markets": {"max_price": "inf"}}, ["markets[0].max_price is "]),
    "zero": ({"markets": {"lot": "0"}}, ["markets[0]", "lot", "above 0"]),
    "negative": ({"markets": {"tick": "-1"}}, ["markets[0]", "tick", "above 0"]),
    "a fraction of a micro-unit": ({"markets": {"lot": "0.0000003"}}, ["markets[0].lot is ", "smallest legal lot is 0.000001"]),
    "another one": ({"markets": {"tick": "0.01", "lot": "0.00025"}}, ["markets[0].lot is 0.00025", "smallest legal lot is 0.0001"]),
    "price off the grid": ({"markets": {"max_price": "1000.5"}}, ["markets[0].max_price is 1000.5", "multiple of the tick"]),
    "too many ticks": ({"markets": {"tick": "0.0001", "lot": "1"}}, ["markets[0].max_price is ", "4294967295 ticks"]),
    "a lot too dear": ({"markets": {"lot": "1000"}}, ["markets[0].max_price is ", "a lot to be worth at most 35184372 USD"]),
    "negative cap": ({"markets": {"open_interest_cap": "-1"}}, ["markets[0].open_interest_cap is -1"]),
    "cap below a lot": ({"markets": {"open_interest_cap": "0.0001"}}, ["markets[0].open_interest_cap is 0.0001"]),
    "unknown asset": ({"markets": {"settlement_asset": "EUR"}}, ["markets[0].settlement_asset is 'EUR'", "one of ('USD',)"]),
    "rebate too high": ({"markets": {"maker_fee_ppb": -450_001}}, ["markets[0].maker_fee_ppb is -450001", "at most the taker fee"]),
    "default above the maximum": ({"markets": {"default_leverage": 41}}, ["markets[0].default_leverage is 41", "max_leverage (40)"]),
    "tiers not from 0": ({"markets": {"tiers": [TIER | {"lower_notional": 5}]}}, ["markets[0].tiers[0].lower_notional is 5", "expected 0"]),
    "no tiers": ({"markets": {"tiers": []}}, ["markets[0].tiers is []", "at least one tier"]),
    "tiers out of order": ({"markets": {"tiers": [TIER, TIER]}}, ["markets[0].tiers[1].lower_notional is 0", "more than"]),
    "rates that fall": (
        {"markets": {"tiers": [TIER, {"lower_notional": 9, "initial_margin_ppm": 90_000, "maintenance_margin_ppm": 50_000}]}},
        ["markets[0].tiers[1] is ", "rates that do not fall"],
    ),
    "maintenance not below initial": (
        {"markets": {"tiers": [TIER | {"maintenance_margin_ppm": 100_000}]}},
        ["markets[0].tiers[0].maintenance_margin_ppm is 100000", "less than initial_margin_ppm (100000)"],
    ),
    "samples that do not divide": (
        {"markets": {"funding": {"payment": "continuous", "sample_interval_ms": 7_000}}},
        ["markets[0].funding.sample_interval_ms is 7000", "a divisor of interval_ms"],
    ),
    "an impact margin that opens more than there is": (
        {"markets": {"funding": {"impact_margin": 10_000_000_000}}},
        ["markets[0].funding.impact_margin is 10000000000", "at most ", "100,000,000 USD"],
    ),
    "step twice": ({"liquidation": {"steps": ["book", "book"]}}, ["liquidation.steps is ", "each step once"]),
    "backstop twice": ({"backstops": ["insurance_fund", "insurance_fund"]}, ["backstops is ", "each backstop once"]),
    "vault without capital": ({"liquidation": {"steps": ["takeover"]}}, ["vault.capital is 0", "a capital"]),
    "a quote that may be nowhere": ({"markets": {"mark": {"quote_bound_ppm": 0}}}, ["markets[0].mark.quote_bound_ppm is 0", ">= 1"]),
    "an order to nothing": ({"liquidation": {"book": {"spread_ppm": 1_000_000}}}, ["liquidation.book.spread_ppm is 1000000", "<= 999999"]),
    "a window too short": ({"insurance_fund": {"window_ms": 999}}, ["insurance_fund.window_ms is 999", ">= 1000"]),
    "a cap below nothing": ({"insurance_fund": {"market_cap": -1}}, ["insurance_fund.market_cap is -1", ">= 0"]),
    "more than everything stays": ({"transfer_margin_ppm": 1_000_001}, ["transfer_margin_ppm is 1000001", "<= 1000000"]),
    "unknown curve": ({"markets": {"curve": {"rule": "skewfill"}}}, ["curve.rule is 'skewfill'", "did you mean 'skew_fill'?"]),
    "a curve without liquidity": (
        {"markets": {"curve": {"rule": "constant_product"}}},
        ["markets[0].curve.reserve and reserve_coins is 0 and 0", "no liquidity"],
    ),
    "two reserves": (
        {"markets": {"curve": {"rule": "vamm_peg_k", "reserve": 5, "reserve_coins": 5}}},
        ["markets[0].curve.reserve and reserve_coins is 5 and 5", "one of them alone"],
    ),
    "a reserve below a lot": (
        {"markets": {"curve": {"rule": "constant_product", "reserve_coins": "0.0001"}}},
        ["curve.reserve_coins is 0.0001", "at least a lot (0.001)"],
    ),
    "a reserve that is no number": (
        {"markets": {"curve": {"rule": "constant_product", "reserve_coins": "nan"}}},
        ["curve.reserve_coins is NaN", "a number of at least 0"],
    ),
    "no room around the balance": (
        {"markets": {"curve": {"rule": "vamm_peg_k", "reserve": 5, "concentration_ppm": 1_000_000}}},
        ["curve.concentration_ppm is 1000000", ">= 1000001"],
    ),
    "spreads above their maximum": (
        {"markets": {"curve": {"rule": "vamm_peg_k", "reserve": 5, "base_spread_ppm": 300, "max_spread_ppm": 200}}},
        ["curve.base_spread_ppm is 300", "max_spread_ppm (200)"],
    ),
    "a skew without a scale": ({"markets": {"curve": {"rule": "skew_fill"}}}, ["curve.scale is 0", "a scale of at least a lot"]),
    "a skew that gives coins away": (
        {"markets": {"curve": {"rule": "skew_fill", "scale": 5, "max_skew": 5}}},
        ["curve.max_skew is 5", "less than the scale (5)", "fetch nothing"],
    ),
    "quotes without an inventory": (
        {"markets": {"curve": {"rule": "oracle_spread", "scale": 5}}},
        ["curve.max_inventory is 0", "an inventory of at least a lot"],
    ),
    "bids below nothing": (
        {"markets": {"curve": {"rule": "oracle_spread", "scale": 1, "max_inventory": 100}}},
        ["curve.max_inventory is 100", "a bid at the largest inventory would be 100 % below the oracle"],
    ),
    "bids of a vault below nothing": (
        {"markets": {"curve": {"rule": "oracle_spread", "skew": "vault", "skew_ppm": 500_000, "scale": 1, "max_inventory": 100}}},
        ["curve.max_inventory is 100", "would be 260 % below the oracle"],
    ),
    "an impact that pays for the way back": (
        {"markets": {"curve": {"rule": "oracle_pool", "capital": 1, "positive_factor": "0.0000002"}}},
        ["curve.positive_factor is 2E-7", "at most negative_factor (1E-7)", "there and back would pay"],
    ),
    "an exponent that pays for it": (
        {"markets": {"curve": {"rule": "oracle_pool", "capital": 1, "positive_exponent": "2.5"}}},
        ["curve.positive_exponent is 2.5", "at most negative_exponent (2)"],
    ),
    "an impact that falls with size": (
        {"markets": {"curve": {"rule": "oracle_pool", "capital": 1, "negative_exponent": "0.5"}}},
        ["curve.negative_exponent is 0.5", "from 1 to 4 in tenths"],
    ),
    "an exponent too fine": (
        {"markets": {"curve": {"rule": "oracle_pool", "capital": 1, "positive_exponent": "1.001"}}},
        ["curve.positive_exponent is 1.001", "in tenths"],
    ),
    "a factor above 1": (
        {"markets": {"curve": {"rule": "oracle_pool", "capital": 1, "negative_factor": 2}}},
        ["curve.negative_factor is 2", "from 0 to 1"],
    ),
    "a range upside down": (
        {"markets": {"curve": {"rule": "concentrated", "lower_ppm": 2_000_000}}},
        ["curve.lower_ppm is 2000000", "less than upper_ppm (2000000)", "from its lower price up"],
    ),
    "a pool of nothing": ({"markets": {"curve": {"rule": "oracle_pool"}}}, ["curve.capital is 0", "counterparty of every trade"]),
    "a curve that does not say when it is met": (
        {"markets": {"curve": {"rule": "skew_fill", "scale": 5}}}, ["missing key markets[0].curve.role", "'separate' (there is no book)"],
    ),
    "a share of nothing": ({"markets": {"curve": SKEW | {"role": "jit"}}}, ["curve.jit_share_ppm is 0", "role is 'jit'"]),
    "a target above the trigger": (
        {"markets": {"curve": SKEW | {"adl_trigger_ppm": 500_000, "adl_target_ppm": 500_000}}},
        ["curve.adl_target_ppm is 500000", "less than adl_trigger_ppm (500000)"],
    ),
    "a target without a trigger": (
        {"markets": {"curve": SKEW | {"adl_target_ppm": 500_000}}}, ["curve.adl_target_ppm is 500000", "0, or an adl_trigger_ppm above it"],
    ),
    "a pool that is not there": ({"backstops": ["liquidity_pool"]}, ["backstops is liquidity_pool", "a market whose curve has a capital"]),
    "a pool without money": (
        {"backstops": ["liquidity_pool"], "markets": {"curve": SKEW}}, ["backstops is liquidity_pool", "whose curve has a capital"],
    ),
    "a range above the price": (
        {"markets": {"curve": {"rule": "concentrated", "role": "separate", "lower_ppm": 1_000_001}}},
        ["curve.lower_ppm is 1000001", "at most 1000000", "has the first oracle price in it"],
    ),
    "a range below the price": (
        {"markets": {"curve": {"rule": "concentrated", "role": "separate", "upper_ppm": 1_000_000}}},
        ["curve.upper_ppm is 1000000", "more than 1000000", "has the first oracle price in it"],
    ),
    "a queue where nothing rests": (
        {"markets": {"curve": SKEW, "matching": {"queue_classes": True}}}, ["markets[0].matching is queue_classes", "no order rests there"],
    ),
    "shares of a queue where nothing rests": (
        {"markets": {"curve": SKEW, "matching": {"rule": "pro_rata"}}}, ["markets[0].matching is 'pro_rata'", "no order rests there"],
    ),
    "a shortage that is never covered": (
        {"liquidation": {"steps": ["cover_shortage"], "cover_shortage": {"initial_ppm": 0}}},
        ["liquidation.cover_shortage.initial_ppm is 0", ">= 1"],
    ),
    "a skew scale below a lot": (
        {"markets": {"tick": "0.1", "lot": "10", "curve": SKEW | {"scale": 50}, "funding": {"rule": "velocity", "skew_scale": 5}}},
        ["markets[0].funding.skew_scale is 5", "at least a lot (10)"],
    ),
    "missing key": ({"markets": [{"name": "X"}]}, ["missing key markets[0].tick"]),
    "two markets of one name": ({"markets": [PLAIN["markets"][0]] * 2}, ["markets[1].name is 'BTC'"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_design_is_told_what_is_wrong(name: str) -> None:
    """File, key, value given, what was expected, and the nearest known name."""
    change, expected = WRONG[name]
    told = wrong(change)
    assert told.startswith("book_fund_adl.toml: ")
    for part in expected:
        assert part in told, told


FILES = {
    "no TOML": (b"name = \n", ["not valid TOML", "line 1"]),
    "no text": (b"\xff\xfe\x00", ["not valid TOML"]),
    "unknown parent": (b'extends = "bsae"\n', ["extends is 'bsae'", "did you mean 'base'?"]),
    "a parent that is no name": (b"extends = 3\n", ["extends is 3"]),
    "its own parent": (b'extends = "wrong"\n', ["extends is 'wrong'"]),
    "a wrong value": (b'extends = "book_fund_adl"\nmax_open_orders = 0\n', ["max_open_orders is 0", ">= 1"]),
    "nothing": (b"", ["missing key"]),
    "a key of another rule": (
        b'extends = "book_fund_adl"\n[markets.curve]\nrule = "skew_fill"\nrole = "separate"\nscale = 5\nlower_ppm = 7\n',
        ["markets[0].curve.lower_ppm is a key of rule = 'concentrated', but the rule is 'skew_fill'"],
    ),
    "a key without its rule": (
        b'extends = "book_fund_adl"\n[sequencing]\ninterval_ms = 100\n', ["sequencing.interval_ms is a key of rule = ", "is 'continuous'"],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_file_is_named(name: str, tmp_path: Path) -> None:
    content, expected = FILES[name]
    path = tmp_path / "wrong.toml"
    path.write_bytes(content)
    with pytest.raises(VenueError) as told:
        load_venue(path)
    for part in ["wrong.toml", *expected]:
        assert part in str(told.value)


def test_keys_of_another_rule_may_be_inherited(tmp_path: Path) -> None:
    """Who extends a design changes its rule; keys of the old one stay in the table, and are passed over."""
    path = tmp_path / "mine.toml"
    path.write_text('extends = "drift_v2"\n[markets.curve]\nrule = "skew_fill"\nscale = 5\n')
    assert load_venue(path).markets[0].curve.rule == "skew_fill"


def test_parents_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('extends = "two"\n')
    (tmp_path / "two.toml").write_text('extends = "one"\n')
    with pytest.raises(VenueError, match="extends"):
        load_venue(tmp_path / "one.toml")


def test_a_name_that_is_no_design_is_told_the_nearest() -> None:
    with pytest.raises(VenueError, match="unknown venue 'book_fund_ald'; did you mean 'book_fund_adl'"):
        load_venue("book_fund_ald")
    with pytest.raises(VenueError, match="unknown venue 'q'; known: auction_fund_adl, "):
        load_venue("q")
    with pytest.raises(VenueError, match=r"nowhere\.toml: not found"):
        load_venue("nowhere.toml")


# -- what a design may say --


def test_numbers_may_be_text_or_toml_numbers(tmp_path: Path) -> None:
    path = tmp_path / "numbers.toml"
    path.write_text('extends = "social_only"\n[markets]\ntick = 0.5\nlot = 0.001\nmax_price = 100_000\n')
    market = load_venue(path).markets[0]
    assert (str(market.tick), str(market.lot), market.max_price, market.unit) == ("0.5", "0.001", 100_000, 500)


def test_the_smallest_legal_unit_is_one_micro_unit() -> None:
    venue = load_venue("social_only", {"markets": {"tick": "0.01", "lot": "0.0001"}})
    assert venue.markets[0].unit == 1
    exchange = Exchange(venue)
    exchange.apply(Tick(0))
    exchange.check()


def test_leverage_starts_at_the_maximum_unless_told() -> None:
    assert Exchange(load_venue("social_only")).position(0, 0).leverage == 40
    assert Exchange(load_venue("social_only", {"markets": {"default_leverage": 3}})).position(0, 0).leverage == 3


# -- bounds --

LOT_VALUES = [  # tick, lot, highest price: the cheapest lot there can be, nearly the dearest, most ticks, and what is usual
    ("0.01", "0.0001", "0.01"), ("0.5", "64", "549755"), ("0.0001", "0.01", "400000"), ("1", "1", "30000"), ("1", "0.001", "1000000"),
]  # fmt: skip


@pytest.mark.parametrize("terms", LOT_VALUES, ids=" ".join)
@pytest.mark.parametrize("count", [1, 2, 8, 9, 63, 64])
def test_sums_over_an_accounts_positions_stay_in_64_bits(terms: tuple[str, str, str], count: int) -> None:
    """However many markets share the asset: the values of all positions at their highest price are below 2^58, each at most 2^55; and what
    they owe by accruals that went from one limit to the other, with all the cash there can be, is below 2^63.
    """
    tick, lot, max_price = terms
    markets = Exchange(markets_of(*[{"tick": tick, "lot": lot, "max_price": max_price}] * count)).state.markets
    values, owed = [], []
    for market in range(count):
        lots, lot_value = int(markets[market].max_lots), int(markets[market].max_price) * int(markets[market].unit)
        assert 0 < lots < 2**40 and lots * lot_value <= 2**55
        assert lots == 2**40 - 1 or (lots + 1) * lot_value > min(2**55, 2**58 // count), "it is the largest that fits"
        assert lot_value << markets[market].accrual_shift < 2**51, "an accrual has room for four times the value of a lot"
        values.append(lots * lot_value)
        owed.append(lots * int(ACCRUAL_LIMIT) >> markets[market].accrual_shift)
    assert sum(values) <= 2**58 and sum(owed) < 2**61
    assert 2 * sum(owed) + sum(values) + int(MAX_SUPPLY) < 2**63


def test_only_markets_of_the_same_asset_share_the_room() -> None:
    """64 markets, 8 of them in EUR: 2^58 / 56 and 2^58 / 8 = 2^55 micro-units at 30,000 USD a lot."""
    euro = {"settlement_asset": "EUR"}
    exchange = Exchange(markets_of(*[{}] * 56, *[euro] * 8, assets=["USD", "EUR"]))
    assert [market.max_lots for market in exchange.state.markets] == [171_565] * 56 + [1_200_959] * 8


@pytest.mark.parametrize(("count", "most"), [(1, 1_200_959), (8, 1_200_959), (9, 1_067_519), (32, 300_239), (64, 150_119)])
def test_a_position_is_as_large_as_its_market_allows(count: int, most: int) -> None:
    """By block trade or order, and not a lot larger. A lot is worth at most 30,000 USD: min(2^55, 2^58 / markets) micro-units of them."""
    bench = Bench(markets_of(*[{}] * count))
    a, b, c = bench.open(MILLION), bench.open(MILLION), bench.open(MILLION)
    bench.oracle(1)

    def reasons(events: list[Event]) -> list[Reason]:
        return [event.reason for event in events if isinstance(event, Rejected)]

    assert reasons(bench.send(BlockTrade, a, b, 0, most + 1, 1)) == [Reason.NOTIONAL_LIMIT]
    assert reasons(bench.place(c, 0, most + 1, 1)) == [Reason.NOTIONAL_LIMIT]
    bench.block(a, b, most, 1)
    assert reasons(bench.send(BlockTrade, a, b, 0, 1, 1)) == [Reason.NOTIONAL_LIMIT]
    assert reasons(bench.place(a, 0, 1, 1)) == [Reason.NOTIONAL_LIMIT]
    assert reasons(bench.place(b, 1, 1, 1)) == [Reason.NOTIONAL_LIMIT]
    assert reasons(bench.place(c, 0, most, 1)) == []
    bench.oracle(30_000)
    assert bench.exchange.position(a, 0).size == most and bench.exchange.equity(a) == usd(MILLION) + most * usd(29_999)
