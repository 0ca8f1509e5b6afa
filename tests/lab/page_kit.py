"""A finished comparison for the tests of its page: one seed that was run, and five more made of it whose losses are others."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from cli_kit import call
from msgspec.structs import replace as with_fields

from perplab.lab.comparison.report import Report, Result
from perplab.lab.comparison.results import JOURNALS, journal_name
from perplab.lab.page.reading import comparison_in

TITLE: Final = '</script><script>document.title = "taken"</script> & "a crash"'
SCENARIO: Final = f"""extends = "flash"
name = "mine"
title = '{TITLE}'
[path]
start = 2025-10-10T21:17:00Z
watch_from = 2025-10-10T21:17:00Z
bars = [
  [109690.15, 109941.00, 107158.57, 107592.27],
  [107592.27, 110575.40, 107328.74, 109474.99],
  [109424.08, 109424.08, 104003.04, 104953.35],
  [104567.74, 105502.90, 102497.49, 104559.80],
]
"""  # the worst four minutes
DESIGNS: Final = ("book_fund_adl", "social_only")
SEEDS: Final = 6  # the least that can tell anything from chance


def finished(folder: Path) -> Path:
    """The folder of a comparison of two designs on six seeds, with all journals."""
    scenario, out = folder / "mine.toml", folder / "out"
    scenario.write_text(SCENARIO, encoding="utf-8")
    words = ("--venues", ",".join(DESIGNS), "--seeds", 1, "--accounts", 12, "--jobs", 1)
    made = call("compare", scenario, *map(str, words), "--out", out)
    assert made.exit_code == 0, made.output
    report = comparison_in(out).report
    results = [like(one, seed) for one in report.results for seed in range(1, SEEDS + 1)]
    for one in results:
        journal = out / JOURNALS / journal_name(one.venue, one.seed)
        if not journal.exists():
            shutil.copy(out / JOURNALS / journal_name(one.venue, 1), journal)
    (out / "report.json").write_text(Report(report.about, results, report.venues).to_json(), encoding="utf-8")
    return out


def like(one: Result, seed: int) -> Result:
    """A run with another seed, and so much more lost."""
    losses = one.metrics.losses
    more = 1e6 * seed * (1.0 if one.venue == DESIGNS[1] else 3.0)
    changed = with_fields(losses, total_usd=(losses.total_usd or 0.0) + more, socialized_usd=losses.socialized_usd + more)
    return replace(one, seed=seed, metrics=with_fields(one.metrics, losses=changed))
