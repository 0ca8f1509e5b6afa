"""A venue's rules in words: `perplab venues`, `perplab explain`, `perplab diff`.

`rulebook.py` puts a document together out of the explanations of the rules that a design names (`prices.py`, `money.py`, `liquidation.py`,
`losses.py`, `moment.py`); `document.py` says what a document is, and `terminal.py`, `markdown.py` and `html.py` lay one out.
"""
