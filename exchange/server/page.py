"""The status page: one HTML text with all that it needs. Its script asks /status.json again and again and puts in what has changed.

Each place that shows a value says in `data-is` where in the status it is found. Values reach the page escaped, and the script sets text
only, so that no name is ever read as HTML; the page's own policy forbids every other script.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

from .naming import Named

FACTS: Final = (  # heading, and where in the status
    ("health", "health"), ("build", "build"), ("clock", "clock"), ("venue time", "time"), ("running since", "running_since"),
    ("seconds behind", "behind_s"), ("connections", "connections"), ("users", "users"), ("commands", "commands"), ("last event", "seq"),
    ("journal", "journal"),
)  # fmt: skip
COLUMNS: Final = ("bid", "ask", "mark", "oracle", "last", "open_interest", "status")

STYLE: Final = """
:root { color-scheme: light dark; --line: #d7dbe0; --soft: #5b6672; --back: #fff; --text: #16202b; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --line: #323b45; --soft: #9aa7b4; --back: #12171d; --text: #e6ebf0; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { margin: 0; font-size: 1.5rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; } p { margin: .25rem 0; color: var(--soft); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .75rem 1rem; margin: 1rem 0; }
dl > .wide { grid-column: 1 / -1; }
dt, th { color: var(--soft); font-size: .8rem; font-weight: 400; }
dd { margin: 0; white-space: nowrap; } .wide dd { white-space: normal; overflow-wrap: anywhere; }
dd, td { font-variant-numeric: tabular-nums; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .4rem .5rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0; text-align: left; } td:first-child { font-weight: 600; }
code, pre { font: .85rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
code { overflow-wrap: anywhere; }
pre { margin: .25rem 0; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .3rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
#lost { color: var(--bad); font-weight: 600; }
@media (max-width: 46rem) {
  thead { display: none; } table, tbody { display: block; }
  tr { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1rem; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  td, td:first-child { display: flex; justify-content: space-between; gap: .5rem; padding: .1rem 0; border: 0; }
  td:first-child { grid-column: 1 / -1; }
  td[data-name]::before { content: attr(data-name); color: var(--soft); font-size: .8rem; }
}
@media (max-width: 30rem) {
  tr { grid-template-columns: 1fr; } dl { gap: .1rem; }
  dl > div { grid-column: 1 / -1; display: flex; justify-content: space-between; gap: 1rem; } .wide dd { text-align: right; }
}
"""

SCRIPT: Final = """
const places = [...document.querySelectorAll("[data-is]")], lost = document.getElementById("lost");
const shown = value => value == null ? "\\u2013" : typeof value === "number" ? value.toLocaleString("en-US") : String(value);
async function refresh() {
  try {
    const answer = await fetch("status.json", {cache: "no-store"}), status = await answer.json();
    if (status.running_since !== document.body.dataset.since) return location.reload();
    for (const place of places) {
      const text = shown(place.dataset.is.split(".").reduce((tree, name) => tree?.[name], status));
      if (place.textContent !== text) place.textContent = text;
    }
    lost.hidden = true;
  } catch { lost.hidden = false; }
  setTimeout(refresh, document.hidden ? 10000 : 1000);
}
refresh();
"""

POLICY: Final = (  # of the page: its own style and script, and requests to where it came from
    f"default-src 'none'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    f"script-src 'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'"
)

PAGE: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{venue} - perplab sandbox</title>
<link rel="icon" href="data:,"><style>{style}</style></head>
<body data-since="{since}">
<h1>{venue}</h1>
<p>{title}</p>
<p id="lost" role="status" hidden>The server does not answer. What is shown is what it said last.</p>
<dl>{facts}</dl>
<h2>Markets</h2>
<table><thead><tr><th>market</th>{heads}</tr></thead><tbody>{markets}</tbody></table>
<h2>How to connect</h2>
<p>msgpack over TCP at <code>{tcp}</code>, or JSON over WebSocket at <code>{websocket}</code>. One message is one request:</p>
<pre>{{"id": 1, "op": "faucet", "name": "alice"}}
{{"id": 2, "op": "subscribe", "channel": "book", "market": 0}}</pre>
<p><code>perplab docs api</code> describes the requests. This page as data: <a href="status.json">status.json</a>.
For monitoring: <a href="health">health</a>, <a href="metrics">metrics</a>.</p>
<noscript><p>Without JavaScript, reload the page to see it change.</p></noscript>
<script>{script}</script>
</body>
</html>
"""


def shown(value: object) -> str:
    """As text of HTML; the script writes values in the same way."""
    if value is None:
        return "\u2013"
    return escape(f"{round(value, 3):,g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value))


def fact(heading: str, name: str, status: Named) -> str:
    wide = ' class="wide"' if name == "journal" else ""
    return f'<div{wide}><dt>{heading}</dt><dd data-is="{name}">{shown(status[name])}</dd></div>'


def row(number: int, market: Named) -> str:
    cells = (f'<td data-name="{heading(name)}" data-is="markets.{number}.{name}">{shown(market[name])}</td>' for name in COLUMNS)
    return f"<tr><td>{shown(market['name'])}</td>{''.join(cells)}</tr>"


def heading(name: str) -> str:
    return name.replace("_", " ")


def page(status: Named) -> str:
    """The HTML of a status."""
    markets = status["markets"]
    assert isinstance(markets, list)
    return PAGE.format(
        style=STYLE, script=SCRIPT, since=shown(status["running_since"]), venue=shown(status["venue"]), title=shown(status["title"]),
        tcp=shown(status["tcp"]), websocket=shown(status["websocket"]), facts="".join(fact(*one, status) for one in FACTS),
        heads="".join(f"<th>{heading(name)}</th>" for name in COLUMNS), markets="".join(map(row, range(len(markets)), markets)),
    )  # fmt: skip
