"""The report of a sweep as one page of HTML, made of the parts of the page of a comparison.

Rules of the file: as those of that page: what a user has named is text, every number is one of a scenario's report.json or of the
catalogue, nothing is asked of a network, and the same folder gives the same bytes. What grows with the grid is bounded: of many designs
some are shown, and all are in the maps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from ..amounts import dollars
from ..comparison.headline import TOTAL_KEY
from ..comparison.reading import counted
from ..comparison.report import SAME
from ..comparison.statistics import DISTINGUISHED
from ..page.data import Shown, all_runs, compared, cut_all, some_of
from ..page.page import (
    card_list,
    contents,
    document,
    fact_list,
    heading,
    how_sure,
    notes,
    opened,
    paragraphs,
    ranked,
    section,
    versions,
    who_paid,
)
from ..page.reading import plain
from .catalogue import DONE, FAILED, WAITING, RunRow
from .maps import MOST_MAPS, Map, maps_of
from .reading import OfScenario, Results
from .story import story

MOST_SHOWN: Final = 24  # designs of a scenario that are shown in full
MOST_NAMED: Final = 50  # failed runs
MOST_HASHES: Final = 2_000  # runs whose state hash is on the page
CARDS: Final = 4  # scenarios with a card
MAP_NOTE: Final = (
    "Each cell is the median over the seeds that count; from pale, the least of its scenario, to strong, the most. Bold is distinguished "
    "from chance, against the baseline of its scenario."
)


def page(found: Results) -> str:
    """The whole file."""
    sweep, scenarios = found.sweep, found.scenarios
    shown = [shown_of(one) for one in scenarios]
    sections = [("maps", "At a glance"), *((f"scenario{number}", one.choice.scenario.title) for number, one in enumerate(scenarios))]
    sections += [("missing", "What failed, and what was not run"), ("configuration", "Configuration")]
    titles, maps = dict(sections), maps_of(scenarios)
    parts = [
        heading("report of a sweep", sweep.title, lede(found)), contents(sections), paragraphs(story(found)), cards(found),
        section("maps", titles["maps"], at_a_glance(maps)),
        *(section(f"scenario{number}", escape(one.choice.scenario.title), of_scenario(one, shown[number], str(number)))
          for number, one in enumerate(scenarios)),
        section("missing", titles["missing"], missing(found)), configuration(found, shown, titles["configuration"]),
    ]  # fmt: skip
    return document(f"{sweep.title}: a sweep of venue designs", parts, payload(found, shown, maps), ("base.js", "spread.js", "sweep.js"))


def shown_of(one: OfScenario) -> Shown:
    return Shown(None, (), some_of(one.report, one.report.venues, MOST_SHOWN))


def payload(found: Results, shown: Sequence[Shown], maps: Sequence[Map]) -> object:
    """The data of sweep.js."""
    keys = [one.key for one in compared()]
    reports = [one.report for one in found.scenarios]
    return cut_all(
        {
            "metrics": [{"key": one.key, "label": one.label, "unit": one.unit} for one in compared()],
            "maps": plain(maps[:MOST_MAPS]),
            "medians": [{venue: [each.median(venue, key) for key in keys] for venue in each.venues} for each in reports],
            "sure": [
                {venue: [number for number, key in enumerate(keys) if each.finding(venue, key).verdict == DISTINGUISHED]
                 for venue in each.venues}
                for each in reports
            ],
            "reports": [all_runs(one.report, some.venues) for one, some in zip(found.scenarios, shown, strict=True)],
        }
    )  # fmt: skip


# -- the top --


def lede(found: Results) -> str:
    names = ", ".join(f"<code>{escape(choice.scenario.name)}</code>" for choice in found.sweep.choices)
    return (
        f"Sweep <code>{escape(found.sweep.name)}</code> over {names}. In a scenario and seed all designs meet the same people, prices and "
        "orders, and what differs comes from the design."
    )


def cards(found: Results) -> str:
    rows = found.runs
    done, failed = (sum(row.status == status for row in rows) for status in (DONE, FAILED))
    told = [("runs done", f"{done:,}", f"of {len(rows):,}" + (f", {failed:,} failed" if failed else ""))]
    for one in found.scenarios[:CARDS]:
        costs = {venue: cost for venue in one.report.venues if (cost := one.report.median(venue, TOTAL_KEY)) is not None}
        if costs:
            least = min(costs, key=costs.__getitem__)
            who = least if len(set(costs.values())) > 1 else "with every design"
            told.append((f"least lost by others, {one.name}", dollars(costs[least]), who))
    return card_list(told, "runs done")


def at_a_glance(maps: Sequence[Map]) -> str:
    if not maps:
        return notes(["There is no seed of which all runs are done, so there are no numbers yet."])
    words = [MAP_NOTE]
    if len(maps) > MOST_MAPS:
        words.append(f"{MOST_MAPS} maps of {len(maps):,}; all numbers are in reports/SCENARIO/report.json.")
    pick = '<p class="pick"><select id="metric" aria-label="Metric"></select></p>'
    script = "<noscript><p>Maps and pictures are drawn by a script in this file, which is not run.</p></noscript>"
    return f'{pick}{script}<div class="key"><span>least <i class="scale"></i> most</span></div>\n<div id="mapped"></div>{notes(words)}'


# -- a scenario --


def of_scenario(one: OfScenario, shown: Shown, mark: str) -> str:
    """What is told of one scenario; `mark` is behind the names of its places."""
    about, report = one.report.about, one.report
    people = f"{about.accounts:,} traders with {dollars(about.open_interest_usd)} of open interest"
    first = [f"{one.name}: {counted(len(report.venues), 'design')}, {people}, price from {about.path}.", *about.added]
    if one.left_out:
        first.append(f"Seeds {', '.join(map(str, one.left_out))} are left out: not all their runs are done.")
    if len(shown.venues) < len(report.venues):
        first.append(
            f"Of {len(report.venues):,} designs {len(shown.venues)} are shown, the baseline and those with which others lost least and "
            "most. The maps above have all of them, and so has report.json."
        )
    return (
        f"{notes(first)}<h3>Who paid</h3>\n{who_paid(report, shown)}\n<h3>How sure</h3>\n{how_sure(report, mark)}\n"
        f"<h3>Designs, by each metric</h3>\n{ranked(report, shown, with_intervals=True)}"
    )


# -- what is not there --


def missing(found: Results) -> str:
    rows = found.runs
    if all(row.status == DONE for row in rows):
        return notes([f"All {len(rows):,} runs are done."])
    left = {one.name: one.left_out for one in found.scenarios}
    lines = []
    for choice in found.sweep.choices:
        name = choice.scenario.name
        mine = [row for row in rows if name == scenario_of(row)]
        counts = [sum(row.status == status for row in mine) for status in (DONE, FAILED, WAITING)]
        out = left.get(name, choice.seeds)
        seeds = "all" if len(out) == len(choice.seeds) else ", ".join(map(str, out)) or "none"
        lines.append(f"<tr><td>{escape(name)}</td>{''.join(f'<td>{count:,}</td>' for count in counts)}<td>{seeds}</td></tr>")
    heads = "".join(f'<th scope="col">{words}</th>' for words in ("scenario", "done", "failed", "not made yet", "seeds left out"))
    table = f'<div class="wide-table"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    return table + "".join(why_failed([row for row in rows if row.status == FAILED]))


def scenario_of(row: RunRow) -> str:
    """The name of its scenario, with the path."""
    return f"{row.scenario}.{row.path}" if row.path else row.scenario


def why_failed(rows: Sequence[RunRow]) -> Iterator[str]:
    if rows:
        told = "\n".join(f"{row.venue} on {scenario_of(row)}, seed {row.seed}: {row.error}" for row in rows[:MOST_NAMED])
        more = f"\n{len(rows) - MOST_NAMED:,} more are in catalogue.sqlite" if len(rows) > MOST_NAMED else ""
        yield f"<details open><summary>Failed runs <span>and why</span></summary><pre>{escape(told + more, quote=False)}</pre></details>"
        yield notes(["The same call of perplab sweep makes them again."])


# -- configuration --


def configuration(found: Results, shown: Sequence[Shown], title: str) -> str:
    sweep, first = found.sweep, found.sweep.choices[0]
    axes = first.factorial.axes if first.factorial else ()
    facts = [
        ("made by", versions(found.made_by)),
        ("sources", found.made_by.get("code", "?")),
        ("scenarios", ", ".join(choice.scenario.name for choice in sweep.choices)),
        ("axes", "; ".join(axis.told for axis in axes) or "none"),
        ("seeds", f"{first.seeds[0]} to {first.seeds[-1]}"),
        ("settings", ", ".join(first.settings) or "the scenarios' own"),
        ("baseline", ", ".join(dict.fromkeys(one.report.baseline for one in found.scenarios)) or "none"),
        ("capital", "the same for all designs" if first.capital == SAME else "each design its own"),
        ("infinite insurance", "each design was run with it too" if any(one.is_shadow for one in sweep.runs) else "not run"),
    ]
    again = (
        "<p>The same <code>perplab sweep</code> goes on with what is missing. <code>reports/SCENARIO/report.json</code> has all numbers of "
        "a scenario, and <code>perplab report</code> of that folder shows one run minute by minute.</p>"
    )
    parts = [opened("Grid", sweep.name, sweep.tree)]
    parts += [opened("Scenario", one.name, one.report.about.inputs.scenario) for one in found.scenarios]
    parts += [opened("Design", name, design) for name, design in designs(found.scenarios, shown)]
    hashes = [[row.venue, scenario_of(row), row.seed, row.state_hash] for row in found.runs if row.status == DONE]
    few = f"the first {MOST_HASHES:,}, all are in catalogue.sqlite: " if len(hashes) > MOST_HASHES else ""
    parts.append(opened("Runs", f"{few}design, scenario, seed and state hash of each", hashes[:MOST_HASHES]))
    return section("configuration", title, f"{fact_list(facts)}{again}{''.join(parts)}")


def designs(scenarios: Sequence[OfScenario], shown: Sequence[Shown]) -> Iterator[tuple[str, object]]:
    """Each design as it was run, once where it is the same in several scenarios, which are then named."""
    alike: dict[str, tuple[str, object, list[str]]] = {}
    for one, some in zip(scenarios, shown, strict=True):
        for venue in some.venues:
            design = one.report.about.inputs.designs[venue]
            alike.setdefault(json.dumps([venue, design], sort_keys=True, default=str), (venue, design, []))[2].append(one.name)
    for venue, design, names in alike.values():
        yield venue if len(names) == len(scenarios) else f"{venue} on {', '.join(names)}", design
