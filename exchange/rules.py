"""What a rule of one's own is made of: the base classes, what they are handed, and helpers. CONTRIBUTING.md shows one, docs/rules.md all.

A rule is registered by name (`perplab.exchange.register`) and named by a design. It is asked by the venue, keeps no state of its own
between calls, and draws nothing at random: the same commands must give the same events, on every machine and build.
"""

from .design.parameters import Parameters as Parameters
from .design.parameters_funding import OfCurve as OfCurve
from .design.registry import forget as forget
from .design.registry import register as register
from .liquidation.backstops import Backstop as Backstop
from .liquidation.case import LiquidationCase as LiquidationCase
from .liquidation.ranks import AdlRank as AdlRank
from .liquidation.ranks import Winner as Winner
from .liquidation.screening import Screen as Screen
from .liquidation.selections import AdlSelection as AdlSelection
from .liquidation.steps import LiquidationStep as LiquidationStep
from .money.ledger import Ledger as Ledger
from .money.margin import market_of as market_of
from .money.margin import row_notional as row_notional
from .state.hashing import hash64 as hash64
from .state.market import Market as Market
from .state.state import State as State
from .state.types import FEES as FEES
from .state.types import FIRST_USER as FIRST_USER
from .state.types import INSURANCE as INSURANCE
from .state.types import PPM as PPM
from .state.types import PPT as PPT
from .state.types import VAULT as VAULT
from .state.types import div_ceil as div_ceil
from .state.types import mul_div_ceil as mul_div_ceil
from .state.types import mul_div_floor as mul_div_floor
from .trading.access import is_halted as is_halted
from .trading.book import Book as Book
from .trading.curve_view import curve_middle as curve_middle
from .trading.curve_view import pool_money as pool_money
from .trading.curve_view import traders_sides as traders_sides
from .trading.depth import impact_price as impact_price
from .trading.funding import FundingRule as FundingRule
from .trading.mark import MarkRule as MarkRule
from .trading.sequencing import Sequencing as Sequencing
from .trading.sequencing import WaitingCommand as WaitingCommand
