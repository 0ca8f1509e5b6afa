"""The report of a comparison as one file of HTML: style, script and the data of its pictures are in it, and it asks nothing of a network.

Rules of the file: what a user has named reaches the page escaped, or as JSON in which no tag can end; every number comes from report.json
or from a journal. The same folder gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Final

from ..amounts import dollars
from ..comparison.bars import bars_of, read_as, used_parts
from ..comparison.headline import PARTS, TOTAL_KEY
from ..comparison.ranking import NOT_RANKED, in_words, ranking, why_none
from ..comparison.reading import counted, has_intervals, how_to_read, left_out, of_what, opened_less, percent, unfinished, what_it_tells
from ..comparison.report import Report
from ..comparison.statistics import DISTINGUISHED, LEVEL, Finding
from ..metrics import CATALOGUE, Measure
from .data import COMPARED, MORE_IS_BETTER, Shown, compared, payload, span_of
from .reading import Comparison, plain
from .shown import metric, share
from .story import Number, Words, story, where

CONTENTS: Final = (
    ("run", "One run, minute by minute"), ("paid", "Who paid"), ("seeds", "How sure"), ("ranked", "Designs, by each metric"),
    ("configuration", "Configuration"),
)  # fmt: skip
SURE: Final = (
    "Filled is distinguished from chance, corrected for all that the report asks. Hollow is not, even where its interval, which is of one "
    "question alone, leaves zero out."
)
CHARTS: Final = (
    ("price", "Price", "Mark, oracle and true price of the run, with liquidations and deleveraging"),
    ("forced", "Liquidated and deleveraged, in each minute [USD]", "Notional liquidated and deleveraged, minute by minute"),
    ("fund", "What stands behind the losers [USD]", "Insurance fund and vault over time"),
    ("depth", "Depth within 1 % of the mark [USD]", "Depth of bids and asks over time"),
    ("interest", "Open interest [USD]", "Open interest over time"),
    ("funding", "Funding", "Funding charged, minute by minute"),
)


def page(comparison: Comparison, shown: Shown) -> str:
    """The whole file."""
    report = comparison.report
    titles = dict(CONTENTS)
    parts = [
        header(report), contents(CONTENTS), told(report, shown), one_run(report, shown),
        section("paid", titles["paid"], who_paid(report, shown)), section("seeds", titles["seeds"], how_sure(report)),
        section("ranked", titles["ranked"], ranked(report, shown)), configuration(comparison),
    ]  # fmt: skip
    scripts = ("base.js", "chart.js", "spread.js", "page.js")
    return document(f"{report.about.title}: a comparison of venue designs", parts, payload(report, shown), scripts)


def document(title: str, parts: Sequence[str], data: object, scripts: Sequence[str]) -> str:
    """A file that needs no other one: `data` is what its scripts draw from."""
    body, script = "\n".join(parts), "".join(map(part, scripts))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n<style>\n{part("page.css")}</style>\n</head>\n'
        f'<body>\n{body}\n<script type="application/json" id="data">{in_script(data)}</script>\n'
        f"<script>\n{script}</script>\n</body>\n</html>\n"
    )


def contents(sections: Sequence[tuple[str, str]]) -> str:
    links = "".join(f'<a href="#{name}">{escape(words)}</a>' for name, words in sections)
    return f'<nav aria-label="Sections">{links}</nav>'


def part(name: str) -> str:
    """A file beside this one."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def in_script(value: object) -> str:
    """JSON in which nothing can be taken for a tag, or for its end."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def section(name: str, title: str, body: str) -> str:
    return f'<section id="{name}" aria-labelledby="{name}-title">\n<h2 id="{name}-title">{title}</h2>\n{body}\n</section>'


def notes(sentences: Iterable[str]) -> str:
    return "".join(f'<p class="note">{escape(words)}</p>' for words in sentences)


# -- the top --


def header(report: Report) -> str:
    about = report.about
    designs = f"{counted(len(report.venues), 'venue design')} on {of_what(report, report.pairs)}"
    people = f"{about.accounts:,} traders with {dollars(about.open_interest_usd)} of open interest"
    added = "".join(f" {escape(sentence)}" for sentence in about.added)
    return heading(
        "report of a comparison", about.title, f"{designs}: {people} meet the same prices and the same orders, and what differs comes from "
        f"the design. Scenario <code>{escape(about.scenario)}</code>, price from {escape(about.path)}.{added}",
    )  # fmt: skip


def heading(what: str, title: str, lede: str) -> str:
    """The top of a page; `lede` is HTML."""
    return (
        f'<div class="top"><span><b>perplab</b> &nbsp;{what}</span>'
        '<button id="theme" type="button" hidden>light / dark</button></div>\n'
        f'<header><h1>{escape(title)}</h1>\n<p class="lede">{lede}</p></header>'
    )


def told(report: Report, shown: Shown) -> str:
    """The story, and the few numbers to remember."""
    return f"{paragraphs(story(report, shown.run))}\n{cards(report, shown)}"


def paragraphs(words: Iterable[Words]) -> str:
    told = "".join(f"<p>{''.join(map(word, each))}</p>\n" for each in words if each)
    return f'<div class="story" id="story">\n{told}</div>'


def word(one: str | Number) -> str:
    if isinstance(one, str):
        return escape(one, quote=False)
    source = escape(json.dumps(list(one.source), ensure_ascii=False), quote=True)
    return f'<data value="{one.value!r}" data-source="{source}">{escape(one.text)}</data>'


def cards(report: Report, shown: Shown) -> str:
    costs = {venue: cost for venue in report.venues if (cost := report.median(venue, TOTAL_KEY)) is not None}
    base = report.baseline
    told: list[tuple[str, str, str]] = []
    if shown.run:
        known = [usd for usd in shown.run.metrics.minutes.true_usd if usd is not None]
        if known:
            far = max((usd / known[0] - 1.0 for usd in known), key=abs)
            told.append(("largest move of the price", share(far), where(report, shown.run)))
    accounts = report.median(base, "liquidation.accounts")
    if accounts is not None:
        told.append(("traders liquidated", f"{accounts:,.4g}", f"of {report.about.accounts:,}, {base}"))
    if base in costs:
        told.append(("lost by others", dollars(costs[base]), f"{base}, the baseline"))
    if len(costs) > 1:
        for name, venue in (("least", min(costs, key=costs.__getitem__)), ("most", max(costs, key=costs.__getitem__))):
            told.append((f"{name} lost by others", dollars(costs[venue]), venue))
    return card_list(told, "lost by others")


def card_list(told: Sequence[tuple[str, str, str]], lead: str) -> str:
    """Name, value and what more there is to say of each; `lead` is the name of the one that stands out."""
    rows = "".join(
        f"<div{' class=lead' if name == lead else ''}><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(more)}</small></dd></div>"
        for name, value, more in told
    )
    return f'<dl class="cards">{rows}</dl>' if rows else ""


# -- pictures --


def one_run(report: Report, shown: Shown) -> str:
    if shown.run is None:
        return section("run", CONTENTS[0][1], notes(["No run counts, so there is none to show."]))
    left = len(report.venues) - len(shown.runs)
    fewer = f" {counted(left, 'design')} more {'is' if left == 1 else 'are'} in the tables below." if left > 0 else ""
    which = "the only one" if report.counted_pairs == 1 else f"the one nearest to the median of what others lose with {shown.run.venue}"
    has_funding = any(one.result.metrics.funding for one in shown.runs)
    paid = "" if has_funding else " No funding was charged in it."
    words = f"Every design in the same run, {where(report, shown.run)}: {which}. Time is minutes since {clock_of(shown)} UTC.{fewer}{paid}"
    figures = "".join(
        f'<figure{" class=wide" if name == "price" else ""} data-chart="{name}"><h3>{title}'
        f'{": <span class=chosen></span>" if name == "price" else ""}</h3><div class="key"></div>'
        f'<div class="chart" data-label="{label}"></div></figure>\n'
        for name, title, label in CHARTS
        if name != "funding" or has_funding
    )
    picks = '<div class="pick" id="designs" role="group" aria-label="Design"></div>'
    script = "<noscript><p>The pictures are drawn by a script in this file, which is not run.</p></noscript>"
    return section("run", CONTENTS[0][1], f'{notes([words])}{picks}{script}\n<div class="charts">\n{figures}</div>')


def clock_of(shown: Shown) -> str:
    from datetime import UTC, datetime

    assert shown.run, "nothing is shown"
    return datetime.fromtimestamp(span_of(shown.run)[0] / 1e9, UTC).strftime("%Y-%m-%d %H:%M")


def who_paid(report: Report, shown: Shown) -> str:
    bars = [bar for bar in bars_of(report) if bar.name in shown.venues]
    most = max((bar.total for bar in bars), default=0.0)
    rows = []
    for bar in bars:
        parts = "".join(
            f'<i class="part part{number}" style="width:{100.0 * part / most:.3f}%" title="{PARTS[number].name}: {dollars(part)}"></i>'
            for number, part in enumerate(bar.parts)
            if part
        )
        paid = ", ".join(f"{PARTS[number].name} {dollars(part)}" for number, part in enumerate(bar.parts) if part) or "nobody had to pay"
        rows.append(
            f'<div><div class="name"><span>{escape(bar.name)}</span><b>{dollars(bar.total) if bar.total else "nothing"}</b></div>'
            f'<div class="bar" role="img" aria-label="{escape(bar.name)}: {paid}">{parts}</div></div>'
        )
    legend = "".join(f'<span><i class="swatch part part{number}"></i>{PARTS[number].name}</span>' for number in used_parts(bars))
    runs = [read_as(report.counted_pairs), *unfinished(report)]
    return f'<div class="key">{legend}</div>\n<div class="bars">{"".join(rows)}</div>{notes(runs)}'


def how_sure(report: Report, mark: str = "") -> str:
    """`mark`: behind the names of its places, where a page has several."""
    words = [SURE] if has_intervals(report) else []
    words += [*what_it_tells(report), *left_out(report), *opened_less(report)]
    pick = f'<p class="pick"><select id="metric{mark}" aria-label="Metric"></select></p>'
    return f'{pick}<div class="chart" id="spread{mark}"></div>{notes(words)}'


# -- tables --


def ranked(report: Report, shown: Shown, with_intervals: bool = False) -> str:
    """`with_intervals`: of the difference to the baseline, below each median."""
    measures = [measure for measure in compared() if is_told(report, measure)]
    heads = "".join(
        f'<th scope="col"><button type="button">{words}</button></th>' for words in ["design", *(head(one) for one in measures)]
    )
    ranks = {measure.key: ranks_of(report, measure.key) for measure in measures}
    rows = []
    for venue in shown.venues:
        cells = [f'<td data-value="{escape(venue)}">{breakable(venue)}</td>']
        cells += [rank_cell(report, venue, measure, ranks[measure.key], with_intervals) for measure in measures]
        rows.append(f"<tr{' class=base' if venue == report.baseline else ''}>{''.join(cells)}</tr>")
    table = f'<table class="ranked"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    words = (
        "Medians, with the rank beside each: 1 is the least, of depth the most. A click on a name sorts by it. A rank orders the numbers "
        "of this comparison; whether two of them differ by more than chance, the section above tells."
    )
    reason = why_none(report).replace(NOT_RANKED, "There is no order over all of them", 1)
    if with_intervals and has_intervals(report):
        words += f" Below a median, the {percent(1 - LEVEL)} interval of the mean difference to {report.baseline}; bold is {DISTINGUISHED}."
    above = notes([words, reason or in_words(report, ranking(report))])
    return f'{above}<div class="wide-table">{table}</div>{whole(report, shown)}'


def head(measure: Measure) -> str:
    label = COMPARED[measure.key]
    return label if label.startswith(measure.unit) else f"{label} [{escape(measure.unit)}]"


def breakable(name: str) -> str:
    return escape(name).replace("_", "_<wbr>")


def is_told(report: Report, measure: Measure) -> bool:
    return any(report.median(venue, measure.key) is not None for venue in report.venues)


def ranks_of(report: Report, key: str) -> dict[str, int]:
    """By design, 1 the best; those that are alike share the better rank."""
    values = {venue: value for venue in report.venues if (value := report.median(venue, key)) is not None}
    way = -1.0 if key in MORE_IS_BETTER else 1.0
    return {venue: 1 + sum(way * other < way * own for other in values.values()) for venue, own in values.items()}


def rank_cell(report: Report, venue: str, measure: Measure, ranks: dict[str, int], with_interval: bool) -> str:
    value = report.median(venue, measure.key)
    if value is None:
        return "<td>–</td>"
    best = " class=best" if ranks[venue] == 1 and max(ranks.values()) > 1 else ""
    below = interval_below(report.finding(venue, measure.key), measure.unit) if with_interval else ""
    return f'<td{best} data-value="{value!r}">{metric(value, measure.unit)}<span class="rank">{ranks[venue]}</span>{below}</td>'


def interval_below(found: Finding, unit: str) -> str:
    if found.interval is None:
        return ""
    low, high = (("+" if end > 0 else "") + metric(end, unit) for end in found.interval)
    sure = " class=sure" if found.verdict == DISTINGUISHED else ""
    return f"<small{sure}>{low if low == high else f'{low} to {high}'}</small>"


def whole(report: Report, shown: Shown) -> str:
    """Every metric of every design."""
    heads = "".join(f'<th scope="col">{breakable(venue)}</th>' for venue in shown.venues)
    rows = []
    for measure in CATALOGUE:
        if is_told(report, measure):
            name = f"<td>{escape(measure.label)} [{escape(measure.unit)}]</td>"
            cells = (
                f"<td{' class=sure' if report.finding(venue, measure.key).verdict == DISTINGUISHED else ''}>"
                f"{metric(report.median(venue, measure.key), measure.unit)}</td>"
                for venue in shown.venues
            )
            rows.append(f"<tr>{name}{''.join(cells)}</tr>")
    table = f'<table><thead><tr><th scope="col">metric</th>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    words = f"Bold is distinguished from chance, against {report.baseline}. {how_to_read(report, 'below', has_intervals(report))}"
    title = f"<summary>All {len(rows)} metrics <span>medians of every design</span></summary>"
    return f'<details>{title}{notes([words.split(" = is no")[0]])}<div class="wide-table">{table}</div></details>'


# -- configuration --


def configuration(comparison: Comparison) -> str:
    report, file = comparison.report, comparison.file
    inputs, about = report.about.inputs, report.about
    source = inputs.path_file
    impact = (
        f"what is traded moves the true price, y = {about.impact:g}" if about.impact else "the true price is not moved by what is traded"
    )
    facts = [
        ("made by", versions(file.made_by)),
        ("scenario", report.about.scenario),
        ("price", report.about.path + (f": {source.name}, {source.start} to {source.end}, SHA-256 {source.sha256}" if source else "")),
        ("settings", ", ".join(inputs.settings) or "the scenario's own"),
        ("seeds", ", ".join(map(str, report.seeds))),
        ("paths", ", ".join(f"{name} ({path.family})" for name, path in inputs.paths.items()) or "the scenario's own"),
        ("baseline", report.baseline),
        ("capital", "the same for all designs" if report.about.capital.choice == "same" else "each design its own"),
        ("infinite insurance", "each design was run with it too" if inputs.insured else "not run"),
        ("impact", impact),
    ]  # fmt: skip
    again = "<p>The same comparison again, and the check that it is: <code>perplab compare --from-report report.json</code>.</p>"
    parts = [opened("Scenario", report.about.scenario, inputs.scenario)]
    parts += [opened("Path", name, plain(path)) for name, path in inputs.paths.items()]
    parts += [opened("Design", name, design) for name, design in inputs.designs.items()]
    parts.append(opened("Capital", "what funds, vaults and pools start with", plain(report.about.capital._asdict())))
    if report.about.calibrated:
        parts.append(opened("Calibrated", "numbers of the scenario that were fitted", dict(report.about.calibrated)))
    hashes = [[one.venue, one.path, one.seed, one.state_hash] for one in report.results]
    parts.append(opened("Runs", "design, path, seed and state hash of each", hashes))
    return section("configuration", CONTENTS[4][1], f'{fact_list(facts)}{again}{"".join(parts)}')


def versions(made_by: Mapping[str, str]) -> str:
    told = [f"perplab {made_by.get('perplab', '?')}", f"{made_by.get('build', '?')} core"]
    return ", ".join([*told, f"Python {made_by.get('python', '?')}", f"numpy {made_by.get('numpy', '?')}"])


def fact_list(facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return f'<dl class="facts">{rows}</dl>'


def opened(kind: str, name: str, value: object) -> str:
    """A part of the configuration in full, closed until it is wanted."""
    return f"<details><summary>{kind} <span>{escape(name)}</span></summary><pre>{escape(lines(value), quote=False)}</pre></details>"


def lines(value: object) -> str:
    """JSON a reader can follow: lists of plain values on one line, all digits."""
    from ..comparison.report import Exact, to_text

    return to_text(Exact(value)).rstrip()
