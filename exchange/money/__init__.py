"""What things are worth, what they require, and the only code that moves money.

`payoff` alone knows price x unit, `margin` is pure, `ledger` keeps the law: balances sum to deposits less withdrawals.
Internal: rules and policy live in the rooms above.
"""
