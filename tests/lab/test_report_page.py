"""The page of a comparison: its numbers are those of report.json, what users have named is text, and a browser shows all of it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import pytest
from cli_kit import call
from page_kit import DESIGNS, SEEDS, TITLE, finished

from perplab.lab.page.course import course_of
from perplab.lab.page.data import COMPARED, span_of
from perplab.lab.page.reading import comparison_in

sys.path.append(str(Path(__file__).resolve().parent.parent / "dashboard"))

from browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGE = Path(__file__).resolve().parents[2] / "lab" / "page"
DRAWN = "[...document.querySelectorAll('.chart svg')].map(one => one.getBoundingClientRect()).map(box => [box.width, box.height])"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    told = call("report", folder)
    assert told.exit_code == 0, told.output
    return (folder / "report.html").read_text(encoding="utf-8")


# -- numbers --


class Numbers(HTMLParser):
    """All <data> of a page: its attributes and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[float, list[str | int], str]] = []
        self._open: dict[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = dict(attrs) if tag == "data" else None

    def handle_data(self, data: str) -> None:
        if self._open:
            self.found.append((float(self._open["value"] or ""), json.loads(self._open["data-source"] or ""), data))
            self._open = None


def test_every_number_of_the_story_is_one_of_the_report(folder: Path, text: str) -> None:
    tree = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    numbers = Numbers(text).found
    assert len(numbers) > 8
    for value, source, _ in numbers:
        if source[0] == "mean":
            _, venue, key = map(str, source)
            group, name = key.split(".")
            assert value == pytest.approx(fmean(max(0.0, run["metrics"][group][name]) for run in tree["runs"] if run["venue"] == venue))
        else:
            found = tree
            for key in source:
                found = found[key]
            assert found == value, source


def test_the_story_says_what_is_sure_and_how_sure(text: str) -> None:
    found = re.sub(r"<[^>]+>", "", text[text.index('id="story"') : text.index('class="cards"')])
    assert "What is sure, at a risk of 5 %" in found and "less with social_only (95 % interval" in found
    assert "mean_difference" in text and '"interval", 1' in unescape(text)


def test_numbers_are_written_as_what_they_are(text: str) -> None:
    for value, source, shown in Numbers(text).found:
        number = re.sub(r"[^\d.:]", "", shown.split(" ")[0])
        scale = {"bn": 1e9, "M": 1e6, "k": 1e3}.get((shown.split(" ") + [""])[1], 1.0)
        if ":" not in number:
            assert float(number) * scale == pytest.approx(abs(value), rel=6e-3), (shown, source)


def test_the_table_ranks_every_design(folder: Path, text: str) -> None:
    table = text[text.index('<table class="ranked">') : text.index("</table>")]
    report = comparison_in(folder).report
    for venue in DESIGNS:
        for key in COMPARED:
            value = report.median(venue, key)
            assert value is None or f'data-value="{value!r}"' in table


def test_the_configuration_is_there_in_full(folder: Path, text: str) -> None:
    tree = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    parts = [json.loads(unescape(part)) for part in re.findall(r"<pre>(.*?)</pre>", text, re.DOTALL)]
    assert tree["inputs"]["scenario"] in parts
    assert all(design in parts for design in tree["inputs"]["designs"].values())
    assert [[run["venue"], run["path"], run["seed"], run["state_hash"]] for run in tree["runs"]] in parts


# -- text, and what it needs --


def test_what_a_user_has_named_is_text(text: str) -> None:
    assert TITLE not in text and text.count("<script") == 2 and text.count("</script>") == 2
    assert "&lt;/script&gt;&lt;script&gt;document.title" in text


def test_it_asks_nothing_of_a_network(text: str) -> None:
    assert not re.findall(r"(?:src|href|url|import|fetch)\W{1,3}(?:https?:)?//", text)
    assert len(text) < 2_000_000


def test_the_same_folder_gives_the_same_bytes(folder: Path, text: str) -> None:
    assert call("report", folder).exit_code == 0
    assert (folder / "report.html").read_text(encoding="utf-8") == text


def test_the_scripts_are_readable() -> None:
    for name in ("base.js", "chart.js", "spread.js", "page.js", "sweep.js"):
        lines = (PAGE / name).read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("// ") and len(lines) < 300
        assert not [line for line in lines if len(line) > 140 or line != line.rstrip() or "\t" in line]
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", (PAGE / name).read_text(encoding="utf-8"))


# -- the course of a run --


def test_the_course_ends_as_the_report_says(folder: Path) -> None:
    comparison = comparison_in(folder)
    run = comparison.report.results[0]
    course = course_of(folder / "journals" / "book_fund_adl-seed1.journal", *span_of(run))
    balances = run.metrics.accounting.balances
    assert course.fund[-1] * 1e6 == balances["insurance"]
    assert course.deleveragings_in_all == run.metrics.adl.fills
    assert sum(one.notional for one in course.deleveraged) == pytest.approx(run.metrics.adl.notional_usd)
    marks = [usd for usd in course.mark if usd is not None]
    minutes = [usd for usd in run.metrics.minutes.mark_usd if usd is not None]
    assert min(marks) <= min(minutes) * 1.001 and max(marks) >= max(minutes) * 0.999
    assert course.t == sorted(course.t) and len(course.t) == len(course.mark) == len(course.open_interest)


# -- what is refused --


def test_what_cannot_be_told_is_said(folder: Path, tmp_path: Path) -> None:
    told = call("report", tmp_path)
    assert (told.exit_code, told.output) == (2, f"error: {tmp_path}: holds no report.json: expected the folder of a finished comparison "
                                                "(perplab compare ... --out DIR)\n")  # fmt: skip
    (tmp_path / "report.json").write_text('{"schema": 3, "made_by": {}}', encoding="utf-8")
    told = call("report", tmp_path)
    assert told.exit_code == 2 and told.output.startswith(f"error: {tmp_path / 'report.json'}: ")
    (tmp_path / "report.json").write_text('{"schema": 1}', encoding="utf-8")
    assert "schema is 1: expected 3" in call("report", tmp_path).output
    told = call("report", folder, "--seed", "99")
    assert told.exit_code == 2 and "99 given, expected one of those that count: 1, 2, 3, 4, 5, 6" in told.output
    assert "nothing to write" in call("report", folder, "--no-html").output


def test_a_comparison_writes_its_page_and_a_later_one_takes_it_away(quick: Path) -> None:
    words = ("compare", "flash", "--venues", "book_fund_adl,social_only", "--seeds", "1", "--jobs", "1", "--out", "here")
    told = call(*words, "--html")
    assert told.exit_code == 0 and "here/report.html" in told.output.replace("\n", "")
    made = (quick / "here" / "report.html").read_text(encoding="utf-8")
    assert call("report", "here").exit_code == 0
    assert (quick / "here" / "report.html").read_text(encoding="utf-8") == made
    assert call(*words).exit_code == 0
    assert not (quick / "here" / "report.html").exists()


# -- pictures for papers --


def test_pictures_for_papers(folder: Path) -> None:
    pytest.importorskip("matplotlib", reason="no matplotlib: perplab[plots]")
    told = call("report", folder, "--png", "--no-html")
    assert told.exit_code == 0, told.output
    for name in ("price", "market", "who_paid", "seeds"):
        data = (folder / "figures" / f"{name}.png").read_bytes()
        assert data.startswith(b"\x89PNG") and int.from_bytes(data[16:20], "big") == 1950  # 6.5 inches of 300 dots
        assert len(data) > 20_000


def test_without_matplotlib_it_is_said_before_anything_is_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for words in (("report", folder), ("compare", "flash", "--out", folder / "new")):
        told = call(*words, "--png")
        assert told.exit_code == 2 and "pip install 'perplab[plots]'" in told.output
    assert not (folder / "new").exists()


# -- in a browser --


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@contextmanager
def opened(browser: Browser, file: Path, width: int, theme: str = "light", pictures: int = 6) -> Iterator[Page]:
    """The page of a file; it complains of nothing, and asks for nothing but itself."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    page, complaints, asked = context.new_page(), list[str](), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_function(f"document.querySelectorAll('.chart svg').length >= {pictures}")
    yield page
    context.close()
    assert (complaints, asked) == ([], [file.as_uri()])


def colors(page: Page, place: str) -> int:
    """How many colours a picture of a place has, so that one which shows nothing is seen."""
    page.locator(place).scroll_into_view_if_needed()
    data = page.locator(place).screenshot(type="png")
    script = """async text => {
      const image = new Image(); image.src = "data:image/png;base64," + text; await image.decode();
      const canvas = document.createElement("canvas"); canvas.width = image.width; canvas.height = image.height;
      const pen = canvas.getContext("2d"); pen.drawImage(image, 0, 0);
      const found = new Map(), bits = new Uint32Array(pen.getImageData(0, 0, image.width, image.height).data.buffer);
      for (const one of bits) found.set(one, (found.get(one) ?? 0) + 1);
      return [...found.values()].filter(count => count > 5).length;
    }"""
    import base64

    return int(page.evaluate(script, base64.b64encode(data).decode()))


@pytest.mark.parametrize(("width", "theme"), [(400, "light"), (400, "dark"), (1400, "light"), (1400, "dark")])
def test_pictures_are_drawn(browser: Browser, folder: Path, text: str, width: int, theme: str) -> None:
    with opened(browser, folder / "report.html", width, theme) as page:
        boxes = page.evaluate(DRAWN)
        assert len(boxes) >= 6 and all(box[0] > 250 and box[1] > 100 for box in boxes)
        assert page.evaluate(WIDER) <= 0, "the page is as wide as the window"
        assert all(
            colors(page, place) > 5 for place in ('figure[data-chart="price"]', 'figure[data-chart="depth"]', "#spread", "#paid .bars")
        )
        assert page.locator("h1").text_content() == TITLE and "a comparison" in page.title()
        dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (dark == "rgb(20, 22, 26)") == (theme == "dark")
        page.click("#theme")
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != dark


def test_designs_metrics_and_orders_are_chosen(browser: Browser, folder: Path, text: str) -> None:
    with opened(browser, folder / "report.html", 1400) as page:
        assert page.locator(".chosen").text_content() == "book_fund_adl"
        assert page.locator('figure[data-chart="fund"] .chart path').count() == 1
        page.click("#designs button >> text=social_only")
        assert page.locator(".chosen").text_content() == "social_only"
        assert page.locator('figure[data-chart="fund"] .empty').text_content() == "This design has no fund and no vault."
        dots = page.locator("#spread circle").count()
        assert dots == 2 * SEEDS + 1  # and a difference
        page.select_option("#metric", label="accounts liquidated [accounts]")
        names = "[...document.querySelectorAll('table.ranked tbody tr')].map(row => row.children[0].dataset.value)"
        page.click("table.ranked thead th:nth-child(2) button")
        once = page.evaluate(names)
        page.click("table.ranked thead th:nth-child(2) button")
        assert page.evaluate(names) == once[::-1] and sorted(once) == sorted(DESIGNS)
        assert page.locator("table.ranked thead th:nth-child(2)").get_attribute("aria-sort") == "descending"
        page.hover('figure[data-chart="price"] .chart svg')
        assert page.locator('figure[data-chart="interest"] .key b').count() == 1


def test_it_prints(browser: Browser, folder: Path, text: str) -> None:
    with opened(browser, folder / "report.html", 1400, "dark") as page:
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.locator("#theme").is_visible() and page.locator('figure[data-chart="price"] .chart svg').is_visible()
        page.set_viewport_size({"width": 690, "height": 1000})  # of A4 within its margins
        assert page.evaluate(WIDER) <= 0
        paper = page.pdf(format="A4", print_background=False)
        assert paper.startswith(b"%PDF") and 2 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 12
