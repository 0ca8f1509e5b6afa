"""The page of a sweep: its numbers are those of the reports and the catalogue, what users have named is text, a browser shows all of it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Generator, Iterator
from html import unescape
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import pytest
from cli_kit import call, made_up
from sweep_kit import SMALL, grid
from test_report_page import DRAWN, WIDER, Numbers, colors, opened

from perplab.lab.comparison import jobs
from perplab.lab.comparison.jobs import Done, Job, run_job
from perplab.lab.sweeps import Results, making
from perplab.lab.sweeps.maps import maps_of
from perplab.lab.sweeps.page import MOST_SHOWN, shown_of

sys.path.append(str(Path(__file__).resolve().parent.parent / "dashboard"))

from browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TITLE = '</script><script>document.title = "taken"</script> & "two designs"'
PLAIN = SMALL.replace('"two designs"', f"'{TITLE}'").replace("count = 2", "count = 6")
AXES = PLAIN.replace(', "social_only"', "") + (
    '[[vary]]\nkey = "method"\nlevels = ["book", "auction"]\n[[vary]]\nkey = "payers"\n[[vary]]\nkey = "K"\nlevels = [0, 5e6, 2e7]\n'
)


def swept(folder: Path, text: str, *words: str, failing: int | None = None) -> Path:
    """The folder of a sweep whose runs are made up, one of which fails."""

    def outcomes(todo: list[Job], *others: object) -> Generator[tuple[int, Done | Exception], None, None]:
        for number, job in enumerate(todo):
            yield number, MemoryError() if number == failing else run_job(job, lambda share: None)

    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "run", made_up)
        patch.setattr(making, "outcomes", outcomes)
        done = call("sweep", grid(folder, text), "--out", folder / "out", *words)
    assert done.exit_code == (0 if failing is None else 4), done.output
    return folder / "out"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return swept(tmp_path_factory.mktemp("plain"), PLAIN, "--html")


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def axes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return swept(tmp_path_factory.mktemp("axes"), AXES, "--html")


def words_of(text: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", text[text.index("<body>") : text.index('<script type="application/json"')]))


# -- numbers --


def test_every_number_of_the_story_is_one_of_a_report(folder: Path, text: str) -> None:
    numbers = Numbers(text).found
    assert len(numbers) > 8
    trees = {one.name: json.loads((one / "report.json").read_text(encoding="utf-8")) for one in (folder / "reports").iterdir()}
    for value, source, _ in numbers:
        scenario, *keys = source
        if scenario == "mean rank":
            assert value == {"book_fund_adl": 1.0, "social_only": 2.0}[str(keys[0])]
        elif keys[0] == "mean":
            group, name = str(keys[2]).split(".")
            runs = [run for run in trees[str(scenario)]["runs"] if run["venue"] == keys[1]]
            assert value == pytest.approx(fmean(max(0.0, run["metrics"][group][name]) for run in runs))
        else:
            found = trees[str(scenario)]
            for key in keys:
                found = found[key]
            assert found == value, source


def test_the_story_tells_each_scenario_and_all_of_them(text: str) -> None:
    told = words_of(text)
    assert "2 designs met 2 scenarios with 6 seeds each: 24 runs. All of them are done." in told
    assert "On calm: of 2 designs, others lost least with book_fund_adl, the baseline: 5.5 M USD" in told
    assert "On flash.stays_low: of 2 designs" in told
    assert "book_fund_adl comes first (1) and social_only last (2)" in told and "All 24 runs are done." in told


def test_a_table_has_ranks_and_intervals(folder: Path, text: str) -> None:
    report = Results.open(folder).reports["calm"]
    low, high = report.finding("social_only", "losses.bad_debt_usd").interval or (0.0, 0.0)
    assert text.count('<table class="ranked">') == 2
    row = re.findall(r'<tr><td data-value="social_only">.*?</tr>', text)[0]
    shown = re.findall(r'data-value="([^"]+)">[^<]+<span class="rank">(\d)</span><small[^>]*>([^<]+)</small>', row)[1]
    assert float(shown[0]) == report.median("social_only", "losses.bad_debt_usd") and shown[1] == "2"
    assert shown[2] == f"+{low / 1e6:.3g} M to +{high / 1e6:.3g} M"


def test_the_configuration_is_there_in_full(folder: Path, text: str) -> None:
    parts = [json.loads(unescape(part)) for part in re.findall(r"<pre>(.*?)</pre>", text, re.DOTALL)]
    found = Results.open(folder)
    assert found.sweep.tree in parts
    for one in (folder / "reports").iterdir():
        inputs = json.loads((one / "report.json").read_text(encoding="utf-8"))["inputs"]
        assert inputs["scenario"] in parts and all(design in parts for design in inputs["designs"].values())
    assert parts[-1] == [[row.venue, f"{row.scenario}.{row.path}" if row.path else row.scenario, row.seed, row.state_hash]
                         for row in found.runs]  # fmt: skip


def test_what_failed_and_what_waits_is_told(tmp_path: Path) -> None:
    told = words_of((swept(tmp_path, PLAIN, "--html", failing=2) / "report.html").read_text(encoding="utf-8"))
    assert "23 of them are done, 1 failed; a seed counts only where all its runs are done." in told
    assert "book_fund_adl on calm, seed 4: out of memory" in told
    assert "calm: 2 designs" in told and "Seeds 4 are left out" in told
    assert re.search(r"calm11104\s*flash\.stays_low12" + "00none", told)  # done, failed, not made yet, seeds left out


def test_without_a_whole_seed_it_says_so(tmp_path: Path) -> None:
    text = PLAIN.replace("count = 6", "count = 1").replace(', "flash:stays_low"', "")
    folder = swept(tmp_path, text, failing=1)
    assert call("report", folder).exit_code == 0
    told = words_of((folder / "report.html").read_text(encoding="utf-8"))
    assert "There is no seed of which all runs are done" in told and "social_only on calm, seed 3: out of memory" in told


# -- maps --


def test_without_axes_a_map_is_designs_by_scenarios(folder: Path) -> None:
    (made,) = maps_of(Results.open(folder).scenarios)
    assert (made.down, made.across) == ("design", "scenario")
    assert (made.rows, made.columns) == (("book_fund_adl", "social_only"), ("calm", "flash.stays_low"))
    assert made.cells[1] == ((0, "social_only"), (1, "social_only"))


def test_of_axes_the_last_two_are_the_sides(axes: Path) -> None:
    made = maps_of(Results.open(axes).scenarios)
    assert [one.title for one in made] == [
        "calm, method book", "calm, method auction", "flash.stays_low, method book", "flash.stays_low, method auction",
    ]  # fmt: skip
    assert {(one.down, one.across) for one in made} == {("payers", "K")} and made[0].columns == ("0", "5M", "20M")
    cells = {cell for one in made for row in one.cells for cell in row}
    assert len(cells) == 24 and None not in cells


def test_one_axis_stands_beside_scenarios(tmp_path: Path) -> None:
    folder = swept(tmp_path, AXES.partition("[[vary]]")[0] + '[[vary]]\nkey = "K"\nlevels = [0, 5e6]\n')
    (made,) = maps_of(Results.open(folder).scenarios)
    assert (made.down, made.across, made.rows) == ("scenario", "K", ("calm", "flash.stays_low"))


def test_of_many_designs_some_are_shown_in_full_and_all_in_maps(tmp_path: Path) -> None:
    levels = ", ".join(f"{million}e6" for million in range(40))
    one_scenario = AXES.partition("[[vary]]")[0].replace(', "flash:stays_low"', "").replace("count = 6", "count = 1")
    folder = swept(tmp_path, f'{one_scenario}[[vary]]\nkey = "K"\nlevels = [{levels}]\n')
    found = Results.open(folder)
    (scenario,) = found.scenarios
    assert len(shown_of(scenario).venues) == MOST_SHOWN - 2 and scenario.report.baseline in shown_of(scenario).venues
    assert len(maps_of(found.scenarios)[0].columns) == 40
    assert call("report", folder).exit_code == 0
    assert "Of 40 designs 22 are shown" in words_of((folder / "report.html").read_text(encoding="utf-8"))


# -- text, and when it is written --


def test_what_a_user_has_named_is_text(text: str) -> None:
    assert TITLE not in text and text.count("<script") == 2 and text.count("</script>") == 2
    assert "&lt;/script&gt;&lt;script&gt;document.title" in text


def test_it_asks_nothing_of_a_network(text: str) -> None:
    assert not re.findall(r"(?:src|href|url|import|fetch)\W{1,3}(?:https?:)?//", text)
    assert len(text) < 1_000_000 and "/tmp/" not in text and str(Path.home()) + "/" not in text


def test_the_same_folder_gives_the_same_bytes(folder: Path, text: str) -> None:
    assert call("report", folder).exit_code == 0
    assert (folder / "report.html").read_text(encoding="utf-8") == text


def test_a_page_goes_when_there_are_more_runs(tmp_path: Path) -> None:
    folder = swept(tmp_path, PLAIN, "--html", failing=2)
    before = (folder / "report.html").read_text(encoding="utf-8")
    swept(tmp_path, PLAIN)
    assert not (folder / "report.html").exists()
    swept(tmp_path, PLAIN, "--html")
    after = (folder / "report.html").read_text(encoding="utf-8")
    assert after != before
    swept(tmp_path, PLAIN)  # nothing is new
    assert (folder / "report.html").read_text(encoding="utf-8") == after
    swept(tmp_path, PLAIN.replace("first = 3", "first = 4"), "--force-new")
    assert not (folder / "report.html").exists()


def test_a_seed_is_not_asked_of_a_sweep(folder: Path) -> None:
    told = call("report", folder, "--seed", "3")
    assert told.exit_code == 2 and "--seed: given, but" in told.output


def test_pictures_for_papers(axes: Path, folder: Path) -> None:
    pytest.importorskip("matplotlib", reason="no matplotlib: perplab[plots]")
    for one, scenarios in ((axes, ("calm", "flash.stays_low")), (folder, ("calm", "flash.stays_low"))):
        told = call("report", one, "--png", "--no-html")
        assert told.exit_code == 0, told.output
        names = ["figures/map.png", *(f"reports/{name}/figures/{kind}.png" for name in scenarios for kind in ("who_paid", "seeds"))]
        assert [line.partition(": ")[0] for line in told.stdout.splitlines()] == [str(one / name) for name in names]
        for name in names:
            data = (one / name).read_bytes()
            assert data.startswith(b"\x89PNG") and int.from_bytes(data[16:20], "big") == 1950 and len(data) > 15_000


def test_without_matplotlib_it_is_said_before_anything_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    told = call("sweep", grid(tmp_path), "--png", "--out", tmp_path / "new")
    assert told.exit_code == 2 and "pip install 'perplab[plots]'" in told.output and not (tmp_path / "new").exists()


# -- in a browser --


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize(("width", "theme"), [(400, "light"), (400, "dark"), (1400, "light"), (1400, "dark")])
def test_pictures_are_drawn(browser: Browser, folder: Path, text: str, width: int, theme: str) -> None:
    with opened(browser, folder / "report.html", width, theme, pictures=2) as page:
        boxes = page.evaluate(DRAWN)
        assert len(boxes) == 2 and all(box[0] > 250 and box[1] > 100 for box in boxes)
        assert page.evaluate(WIDER) <= 0, "the page is as wide as the window"
        assert all(colors(page, place) > 5 for place in ("#mapped", "#spread0", "#spread1", "#scenario0 .bars"))
        assert page.locator("h1").text_content() == TITLE and "a sweep" in page.title()
        dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (dark == "rgb(20, 22, 26)") == (theme == "dark")
        page.click("#theme")
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != dark


def test_a_metric_and_an_order_are_chosen(browser: Browser, folder: Path, text: str) -> None:
    with opened(browser, folder / "report.html", 1400, pictures=2) as page:
        one = "cell => [cell.textContent, cell.style.getPropertyValue('--share'), cell.className]"
        cells = f"[...document.querySelectorAll('.map td')].map({one})"
        assert page.evaluate(cells) == [
            ["5.5 M", "0.000", ""], ["5.5 M", "0.000", ""], ["16.5 M", "1.000", "sure"], ["16.5 M", "1.000", "sure"],
        ]  # fmt: skip
        page.select_option("#metric", label="accounts liquidated [accounts]")
        assert [one[:2] for one in page.evaluate(cells)] == [["1", "0"]] * 4
        assert page.locator("#spread1 circle").count() == 2 * 6 + 1
        page.select_option("#metric1", label="accounts liquidated [accounts]")
        assert "accounts" in (page.locator("#spread1 svg").get_attribute("aria-label") or "")
        first = "document.querySelector('#scenario1 table.ranked tbody tr').children[0].dataset.value"
        page.click("#scenario1 table.ranked thead th:nth-child(3) button")
        assert page.evaluate(first) == "book_fund_adl"
        page.click("#scenario1 table.ranked thead th:nth-child(3) button")
        assert page.evaluate(first) == "social_only"


def test_maps_of_axes_are_drawn_and_print(browser: Browser, axes: Path) -> None:
    for width in (400, 1400):
        with opened(browser, axes / "report.html", width, "dark", pictures=2) as page:
            assert page.locator(".map").count() == 4 and page.locator(".map td").count() == 24
            assert page.evaluate(WIDER) <= 0 and not page.locator("#mapped .only-print").is_visible()
            page.emulate_media(media="print")
            page.set_viewport_size({"width": 690, "height": 1000})  # of A4 within its margins
            assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
            assert page.evaluate(WIDER) <= 0 and page.locator(".map").first.is_visible()
            assert page.locator(".only-print:visible").count() == 3, "whose choice is not on paper"
            assert page.pdf(format="A4", print_background=False).startswith(b"%PDF")
