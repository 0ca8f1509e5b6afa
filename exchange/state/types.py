"""Units, limits, constants and exact integer helpers.

Units: price [ticks], size [lots], money [micro-units of the settlement asset], time [ns], margin fractions [ppm],
fees [ppb], accruing rates [ppt = 1e-12]. Nothing here rounds by itself: every helper names its direction.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

NIL: Final[i64] = -1  # no row; column[NIL] would read the last row, so every link is guarded

PPM: Final[i64] = 1_000_000
PPB: Final[i64] = 1_000_000_000
PPT: Final[i64] = 1_000_000_000_000
SECOND: Final[i64] = 1_000_000_000
HOUR: Final[i64] = 3_600_000_000_000

# Bounds at the door. Compiled integers wrap, so every product in the core is proved from these.
MAX_PRICE: Final[i64] = (1 << 32) - 1  # [ticks]
MAX_LOTS: Final[i64] = (1 << 40) - 1  # [lots] of an order or a position
MAX_NOTIONAL: Final[i64] = 10_000_000_000_000_000  # [micro] 1e16: of an order, an order side or a position
MAX_AMOUNT: Final[i64] = 10_000_000_000_000_000  # [micro] of one deposit, withdrawal or transfer
MAX_SUPPLY: Final[i64] = 1_000_000_000_000_000_000  # [micro] 1e18 of deposits less withdrawals per asset: sums stay below 2^62
MAX_FLOW: Final[i64] = 1 << 62  # [micro] of deposits ever, per asset: the counters of deposits and withdrawals must not wrap
MAX_TS: Final[i64] = (1 << 62) - 1  # [ns]
NEVER: Final[i64] = 1 << 62  # a time that does not come
MAX_TS_JUMP: Final[i64] = 86_400_000_000_000  # [ns] one day: bounds the work that one command can find due
MAX_ACCOUNTS: Final[i64] = 1 << 24
MAX_MARKETS: Final[i64] = 64  # so an account holds at most 64 position rows
MAX_ASSETS: Final[i64] = 8
MAX_TIERS: Final[i64] = 8
MAX_LEVERAGE: Final[i64] = 1_000
MAX_REDUCERS: Final[i64] = 128  # resting reduce-only orders of one position: each may have to shrink with every fill of it
MAX_PARTS: Final[i64] = 100  # of an iceberg order: each is another fill for whoever takes it
MAX_HIDDEN_PARTS: Final[i64] = 4096  # that a fill-or-kill order may ask for: refused, it has cost as much as a book of so many orders
MAX_FILLS: Final[i64] = 1_024  # of an account's quotes in a market that are remembered
POSITION_ROOM: Final[i64] = 1 << 55  # [micro] a position's value at max_price; of markets that share an asset less, so that
REALISED_ROOM: Final[i64] = 1 << 58  # [micro] what a position is said to have realised stops here: a weight needs no more
SUM_ROOM: Final[i64] = 1 << 58  # [micro] the values of all positions of an account add up to less than this
ACCRUAL_LIMIT: Final[i64] = 1 << 53  # of a per-lot accrual: 4 to 8 times a lot's value at max_price; all that an account owes is below 2^62
CLOSED_IDS: Final[i64] = 1_024  # closed client ids that stay taken, per account
ROW: Final[i64] = 16  # columns of a command or event row

# System accounts: ordinary rows of the account table, opened before the first command.
INSURANCE: Final[i64] = 0
FEES: Final[i64] = 1
ROUNDING: Final[i64] = 2
CLEARING: Final[i64] = 3
UNCOVERED: Final[i64] = 4
VAULT: Final[i64] = 5
CURVE: Final[i64] = 6  # of every market with a curve: its pool is the isolated margin of the position there
TRANSIT: Final[i64] = 7  # money under way
FIRST_USER: Final[i64] = 8

ROOT: Final[i64] = 3_037_000_499  # floor(sqrt(2^63 - 1)): (c - 1)^2 fits for every c up to here


WIDE: Final[i64] = 1 << 40
NARROW: Final[i64] = 1 << 22  # WIDE x NARROW fits 64 bits


def mul_div_floor(a: i64, b: i64, c: i64) -> i64:
    """floor(a * b / c), exact for every a, b and c > 0 whose result fits 64 bits."""
    if -WIDE < a < WIDE and -NARROW < b < NARROW:  # most are: one division instead of three
        return a * b // c
    if c > ROOT:
        x: int = a
        y: int = b
        z: int = c
        return x * y // z
    qa = a // c
    ra = a - qa * c  # 0 <= ra < c
    qb = b // c
    rb = b - qb * c
    return qa * b + ra * qb + ra * rb // c  # wraps of the intermediate sums cancel


def mul_div_ceil(a: i64, b: i64, c: i64) -> i64:
    """ceil(a * b / c), same domain as mul_div_floor."""
    return -mul_div_floor(-a, b, c)


def div_ceil(a: i64, b: i64) -> i64:
    return -(-a // b)


def ppm_ceil(amount: i64, ppm: i64) -> i64:
    """ceil(amount * ppm / 1e6); exact for |amount| < 2^62 and |ppm| < 2^40 when the result fits."""
    q = amount // PPM
    return q * ppm - (-(amount - q * PPM) * ppm) // PPM


def ppm_floor(amount: i64, ppm: i64) -> i64:
    q = amount // PPM
    return q * ppm + (amount - q * PPM) * ppm // PPM


def ppb_ceil(amount: i64, ppb: i64) -> i64:
    """ceil(amount * ppb / 1e9): a fee rounds up, a rebate (ppb < 0) towards zero. |ppb| <= 2e9 keeps r * ppb < 2^61."""
    q = amount // PPB
    return q * ppb - (-(amount - q * PPB) * ppb) // PPB


def abs_i64(a: i64) -> i64:
    return a if a >= 0 else -a


def min_i64(a: i64, b: i64) -> i64:
    return a if a < b else b


def max_i64(a: i64, b: i64) -> i64:
    return a if a > b else b


def clamp_i64(a: i64, low: i64, high: i64) -> i64:
    return low if a < low else high if a > high else a


EXP_ONE: Final[i64] = 1 << 30
LN2: Final[i64] = 744_261_118  # round(ln 2 * 2^30)


def exp_neg(t: i64, scale: i64) -> i64:
    """exp(-t / scale) in 2^-30, for t >= 0 and 0 < scale < 2^43. Absolute error below 1e-8 (tested against 50 digits)."""
    if t // scale >= 40:
        return 0
    x = mul_div_floor(t, EXP_ONE, scale)
    halvings = x // LN2
    f = x - halvings * LN2  # 0 <= f < ln 2
    # Taylor in Horner form to the 10th term: ln2^11 / 11! < 5e-10
    term = EXP_ONE
    k: i64 = 10
    while k > 0:
        term = EXP_ONE - (f * term // EXP_ONE) // k
        k -= 1
    return term >> halvings


def accrual_due(lots: i64, delta: i64, shift: i64) -> i64:
    """ceil(lots * delta / 2^shift): what `lots` (unsigned) owe when their per-lot accrual rose by `delta`. Exact."""
    if lots < 1 << 31 and -(1 << 31) < delta < 1 << 31:
        return -((-lots * delta) >> shift)
    wide_lots: int = lots
    wide_delta: int = delta
    return -((-wide_lots * wide_delta) >> int(shift))


def accrual_rest(lots: i64, delta: i64, shift: i64) -> i64:
    """What accrual_due rounded up, in 2^-shift micro-units: due * 2^shift - lots * delta, below 2^shift."""
    wide_lots: int = lots
    wide_delta: int = delta
    return -wide_lots * wide_delta & ((1 << int(shift)) - 1)
