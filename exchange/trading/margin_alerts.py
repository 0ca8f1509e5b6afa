"""Margin alerts: tell an account when equity / maintenance of its cross positions in an asset falls below a threshold, and when it is back
above the threshold and a hysteresis. Never twice the same way.

They are looked at after each liquidation pass, which follows marks and funding, and after each command that names the account; those of
an account that is to be liquidated ahead of that, so that it hears of the fall even where a single move leads through all thresholds.
A fill of a resting order alone is seen in the next pass. An account without cross positions in the asset is above every threshold; but
whoever was told that he is below, and then lost his positions by a liquidation, hears that he is above when he has positions again
and is. Exact: nothing is rounded.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.margin import cross_equity, cross_maintenance
from ..schema import kinds as k
from ..state.alert_levels import M_ACCOUNT, M_ASSET, M_BELOW, M_HYSTERESIS, M_NUMBER, M_THRESHOLD, WIPED_OUT, MarginAlerts, alert_key
from ..state.state import State
from ..state.tables import P_NEXT, P_SIZE
from ..state.types import NIL, PPM
from .access import refused_frozen, refused_user_with_asset


def is_below(equity: i64, maintenance: i64, threshold_ppm: i64) -> bool:
    """Is equity / maintenance below the threshold? In Python's integers: 2^62 x 2^20 would wrap."""
    return maintenance > 0 and int(equity) * int(PPM) < int(threshold_ppm) * int(maintenance)


class MarginAlertDesk:
    def __init__(self, state: State) -> None:
        self.state: State = state
        self.alerts: MarginAlerts = state.margin_alerts

    def set(self, account: i64, asset: i64, number: i64, threshold_ppm: i64, hysteresis_ppm: i64) -> i64:
        """Set an alert anew, as if it had been above so far, or take it back (0). Returns the reason of a refusal, or 0."""
        state = self.state
        reason = refused_user_with_asset(state, account, asset)
        if reason == 0:
            reason = refused_frozen(state, account)
        if reason != 0:
            return reason
        alerts = self.alerts
        key = alert_key(account, asset, number)
        row = alerts.find(key)
        if threshold_ppm == 0:
            if row != NIL:
                alerts.say(row, 0)
                alerts.remove(key, account)
        else:
            if row == NIL:
                row = alerts.add(key, account)
                alerts.cells[row + M_BELOW] = 0
            cells = alerts.cells
            cells[row + M_ACCOUNT] = account
            cells[row + M_ASSET] = asset
            cells[row + M_NUMBER] = number
            cells[row + M_THRESHOLD] = threshold_ppm
            cells[row + M_HYSTERESIS] = hysteresis_ppm
            alerts.say(row, 0)
        state.log.emit(k.E_MARGIN_ALERT_SET, state.now, account, asset, number, threshold_ppm, hysteresis_ppm)
        return 0

    def look(self, account: i64) -> None:
        """At the alerts of one account."""
        self.look_at(self.alerts.of(account))

    def look_at_all(self) -> None:
        """Only accounts with alerts cost anything, and those among them that hold nothing next to nothing: to these a price says only that
        one who was told that he is below, and has closed since, is above again."""
        told = self.alerts.told
        for at in list(self.alerts.counts):
            account: i64 = at
            if self.holds(account) or at in told:
                self.look(account)

    def holds(self, account: i64) -> bool:
        """Has the account an open position?"""
        cells = self.state.positions.cells
        row = self.state.accounts.first_position[account]
        while row != NIL:
            if cells[row + P_SIZE] != 0:
                return True
            row = cells[row + P_NEXT]
        return False

    def look_at(self, rows: list[int]) -> None:
        """At alerts of whole accounts, by account and asset."""
        cells = self.alerts.cells
        account: i64 = NIL
        asset: i64 = NIL
        equity: i64 = 0
        maintenance: i64 = 0
        for at in rows:
            row: i64 = at
            if cells[row + M_ACCOUNT] != account or cells[row + M_ASSET] != asset:
                account = cells[row + M_ACCOUNT]
                asset = cells[row + M_ASSET]
                equity = cross_equity(self.state, account, asset)
                maintenance = cross_maintenance(self.state, account, asset)
            self.look_at_row(row, equity, maintenance)

    def look_at_row(self, row: i64, equity: i64, maintenance: i64) -> None:
        state = self.state
        cells = self.alerts.cells
        bound = cells[row + M_THRESHOLD]
        before = cells[row + M_BELOW]
        if before == WIPED_OUT:
            if maintenance == 0:
                return
            before = 1
        if before != 0:
            bound += cells[row + M_HYSTERESIS]
        below: i64 = 1 if is_below(equity, maintenance, bound) else 0
        self.alerts.say(row, below)
        if below == before:
            return
        state.log.emit(
            k.E_MARGIN_ALERT, state.now, cells[row + M_ACCOUNT], cells[row + M_ASSET], cells[row + M_NUMBER], below, equity, maintenance
        )
