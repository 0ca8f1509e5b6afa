"""Style is a test (docs: CONTRIBUTING.md). The tables below are the rules; change them here when a rule changes."""

from __future__ import annotations

import ast
import re
import shutil
import statistics
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = tuple(PROJECT["tool"]["setuptools"]["package-dir"].values())

# Within exchange: a room, or a file beside the rooms, imports from the rows above its own, and from itself.
ROOMS = (
    ("state",),
    ("schema",),
    ("money",),
    ("trading",),
    ("liquidation",),
    ("design",),
    ("queries",),
    ("account_queries",),
    ("turns", "blocks"),
    ("algos",),
    ("commands",),
    ("engine",),
    ("journal",),
    ("build", "messages", "events", "codes", "units", "rules"),
    ("__init__",),
    ("server",),
)
EDGE = {  # of exchange, never compiled
    "schema.audience", "schema.codes", "schema.fields", "schema.messages", "schema.commands_orders", "schema.commands_accounts",
    "schema.commands_venue", "schema.events", "schema.events_orders", "schema.events_accounts", "schema.events_liquidation",
    "schema.events_venue", "schema.views", "design.reader", "design.parameters",
    "design.parameters_funding", "design.parameters_curves", "design.structs", "design.registry", "design.shipped", "design.tables",
    "design.checks", "design.checks_curves", "design.checks_spot", "design.curves", "design.build", "design.venue",
    "state.state_hash", "state.snapshot", "journal",
    "schema.commands_algos", "schema.events_algos",
    "build", "messages", "events", "codes", "units", "rules",
    "server.agenda", "server.answers", "server.broadcasts", "server.clock", "server.codecs", "server.complaints", "server.debits",
    "server.orders", "server.terms", "server.timekeeper", "server.registrar", "server.asking", "server.account_questions",
    "server.order_questions", "server.operations", "server.subscriptions", "server.outbox", "server.gathering", "server.brought",
    "server.tokens", "server.several", "server.swept", "server.whys", "server.market_names", "server.fragments",
    "server.answer_parts", "server.answers_accounts", "server.answers_venue",
    "server.departure", "server.doorman", "server.errors", "server.faults", "server.gateway", "server.held",
    "server.host", "server.intake", "server.limits", "server.log", "server.manual", "server.memory", "server.metrics",
    "server.moments", "server.naming", "server.packed", "server.page", "server.people", "server.previews", "server.private",
    "server.questions", "server.requests", "server.session", "server.status", "server.store", "server.streams",
    "server.surroundings", "server.tcp", "server.told", "server.toll", "server.turns", "server.unfinished",
    "server.visitor",
    "server.request_parts", "server.requests_operator", "server.requests_past", "server.answers_past", "server.past_questions",
    "server.history.account_past", "server.history.candles", "server.history.episodes", "server.history.history",
    "server.history.holdings", "server.history.order_past", "server.history.records",
    "server.spoken", "server.dashboard_files",
    *(f"server.hyperliquid.{name}" for name in (
        "accounts", "actions", "asked", "bodies", "calls", "canonical", "children", "cloids", "coins", "coverage", "desk", "diagnosis",
        "dialect", "errors", "exchange", "feeds", "grouping", "hearing", "identity", "info", "markets", "meta", "modifying", "money",
        "nonces", "orders", "past", "placing", "refusals", "refused", "registry", "sent", "settling", "shares", "shell", "signing",
        "subscriptions", "talk", "times", "twaps", "users", "variations", "wallets", "weights",
    )),
}  # fmt: skip
# The public names of exchange that are no venue: what is sent to one, what comes back, and what the numbers mean.
MESSAGES = ("exchange.messages", "exchange.events", "exchange.codes", "exchange.units")
# Between the packages: folder or file -> what it may import of perplab besides its own. The longest name counts. A name stands for that
# module alone, `name.*` also for all below it: "exchange" is `from perplab.exchange import Exchange` and the like.
MAY_IMPORT = {
    "exchange": (),
    "oracle": MESSAGES,
    "clients": (
        *MESSAGES,
        "exchange.server.frames", "exchange.server.errors",  # where a message ends, and what is said of one that is none
        "exchange.server.people",  # what a challenge is signed with
    ),
    "clients/local.py": ("exchange", *MESSAGES, "exchange.server.*"),  # has the venue and its server in the same process
    "testing": ("clients.*", "lab.world"),  # a client with a venue of its own, and what happens around it
    "lab": (
        "exchange", *MESSAGES, "oracle.*", "clients.*",
        "exchange.journal",  # runs are kept as journals, and looked into without a venue: records, replayed, JournalError
        "exchange.engine",  # `perplab --version` says which file runs
        "exchange.server.*",  # `perplab serve` puts a venue, a clock, a world and a server together
        "exchange.design.*",  # a scenario is TOML with `extends` like a design; and the numbers of a design that a run has to fit
    ),
    "lab/conformance": (  # calls the formulas of the venue one by one
        "exchange", *MESSAGES, "exchange.design.*", "exchange.state.*", "exchange.money.*", "exchange.trading.*", "exchange.liquidation.*",
    ),
}  # fmt: skip
MAY_IMPORT["lab/adl"] = (*MAY_IMPORT["lab"], "exchange.rules")  # `perplab adl` looks at winners through a rank of its own
MAY_IMPORT["lab/explain"] = (  # `perplab explain` computes its examples with the functions that the venue itself uses
    *MAY_IMPORT["lab"], "exchange.rules", "exchange.money.*", "exchange.trading.*", "exchange.liquidation.*", "exchange.state.schedule",
    "exchange.schema.views",
)  # fmt: skip
NOT_IN_CORE = {  # modules: no clock, randomness, I/O, float, logging or environment
    "asyncio", "cmath", "datetime", "decimal", "fractions", "io", "logging", "math", "numpy", "os", "pathlib", "random",
    "secrets", "socket", "statistics", "subprocess", "sys", "threading", "time", "uuid",
}  # fmt: skip
NOT_CALLED_IN_CORE = {"float", "input", "open", "print"}

FUNCTION_LINES, MEDIAN_FUNCTION_LINES, FILE_LINES = 70, 15, 500
MEASURED = (*FOLDERS, "tests", "benchmarks")  # what these limits hold for
LEFT_BEHIND = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE = re.compile(  # absolute paths of one machine; hosts and options of a package registry
    r"(?<![\w.$}*-])/(?:home|root|work|Users|mnt|opt)/\w|\b[A-Z]:\\\\?Users\b"
    r"|\b(?:py" r"pi|python" r"hosted|npm" r"js|deb" r"ian)\.(?:org|com|io|net)\b"
    r"|\bindex" r"-url\b|--find" r"-links\b|https?://\S+/sim" r"ple\b"
)  # fmt: skip


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def tuple_of(path: Path, name: str) -> list[str]:
    """The members of the literal tuple `name = (...)` of a file: strings, or names."""
    for node in tree(path).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        if isinstance(target, ast.Name) and target.id == name:
            assert isinstance(node.value, ast.Tuple), f"{short(path)}: {name} is no literal tuple"
            return [e.id if isinstance(e, ast.Name) else ast.literal_eval(e) for e in node.value.elts]
    raise AssertionError(f"{short(path)} has no {name}")


def core() -> list[Path]:
    """The compiled modules."""
    return [ROOT.joinpath("exchange", *name.split(".")).with_suffix(".py") for name in tuple_of(ROOT / "exchange" / "build.py", "CORE")]


def in_core() -> Iterator[tuple[str, ast.AST]]:
    """Every syntax node of the core, with the place to name in a message."""
    for path in filter(Path.is_file, core()):  # a missing one fails the first test below
        for node in ast.walk(tree(path)):
            yield f"{short(path)}:{getattr(node, 'lineno', 0)}", node


def fail_if(problems: list[str]) -> None:
    assert not problems, "\n" + "\n".join(problems)


def module_name(path: Path) -> str:
    """perplab.exchange.trading.book for exchange/trading/book.py, perplab.exchange.__init__ for its __init__.py."""
    return ".".join(["perplab", *path.relative_to(ROOT).with_suffix("").parts])


def is_module(dotted: str) -> bool:
    path = ROOT.joinpath(*dotted.split(".")[1:])
    return path.is_dir() or path.with_suffix(".py").is_file()


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of all that a file imports, wherever the import stands."""
    package = module_name(path).split(".")[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                below = f"{base}.{alias.name}"
                yield node.lineno, below if base.split(".")[0] == "perplab" and is_module(below) else base


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Place and number of lines of every function of a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{short(path)}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def tracked() -> list[Path]:
    """The files git has or would take (ignored ones are not looked at). Skips the test that asks where there is no git, as in an sdist."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git here to say what the repository holds")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    return [path for name in sorted(set(names) - {""}) if (path := ROOT / name).is_file()]


def text_of(path: Path) -> str | None:
    """The text of a file, None if it is not text."""
    data = path.read_bytes()
    try:
        return None if b"\0" in data else data.decode("utf-8")
    except UnicodeDecodeError:
        return None


# -- the core --


def test_every_module_of_exchange_is_compiled_or_known_not_to_be() -> None:
    """Else a module that only a forgotten line in exchange/build.py keeps interpreted would pass every other test."""
    listed = tuple_of(ROOT / "exchange" / "build.py", "CORE")
    assert len(listed) == len(set(listed))
    present = {".".join(module_name(path).split(".")[2:]) for path in sources("exchange") if path.stem != "__init__"}
    problems = [f"{name}: neither in CORE (exchange/build.py) nor in EDGE (tests/test_tidy.py)" for name in present - EDGE - set(listed)]
    problems += [f"{name}: listed, but there is no such file" for name in (EDGE | set(listed)) - present]
    problems += [f"{name}: in CORE and in EDGE" for name in EDGE & set(listed)]
    fail_if(sorted(problems))


def test_core_has_no_float_and_no_true_division() -> None:
    problems = []
    for place, node in in_core():
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            problems.append(f"{place}: {node.value!r} is no integer")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            problems.append(f"{place}: / in the core; use div_floor or div_ceil")
        elif isinstance(node, ast.Name) and node.id in NOT_CALLED_IN_CORE:
            problems.append(f"{place}: {node.id} in the core")
    fail_if(problems)


def test_core_imports_no_clock_randomness_or_environment() -> None:
    fail_if(
        [
            f"{short(path)}:{line}: imports {name}"
            for path in filter(Path.is_file, core())
            for line, name in imported(path)
            if name.split(".")[0] in NOT_IN_CORE
        ]
    )


def test_core_has_no_any_and_no_bare_exception() -> None:
    problems = []
    for place, node in in_core():
        if isinstance(node, ast.Name | ast.Attribute) and "Any" in (getattr(node, "id", ""), getattr(node, "attr", "")):
            problems.append(f"{place}: Any")
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            problems.append(f"{place}: bare except")
        elif isinstance(node, ast.Name) and node.id in ("Exception", "BaseException"):
            problems.append(f"{place}: {node.id}; name the exact one")
    fail_if(problems)


# -- who may import whom --


def test_packages_import_in_one_direction() -> None:
    problems = []
    for path in sources(*FOLDERS):
        rule = max((r for r in MAY_IMPORT if short(path) == r or short(path).startswith(f"{r}/")), key=len)
        allowed = (f"{path.relative_to(ROOT).parts[0]}.*", *MAY_IMPORT[rule])
        for line, name in imported(path):
            below = name.removeprefix("perplab.")
            if name.split(".")[0] != "perplab":
                if name.split(".")[0] in FOLDERS:
                    problems.append(f"{short(path)}:{line}: {name} is installed as perplab.{name}")
            elif not any(f"{below}.".startswith(a.removesuffix("*")) if a.endswith(".*") else below == a for a in allowed):
                problems.append(f"{short(path)}:{line}: {rule} may not import {name}")
    fail_if(problems)


def exchange_imports() -> Iterator[tuple[str, str, str]]:
    """Place, importing module, imported module, within exchange, named from there: trading.book."""
    for path in sources("exchange"):
        importer = module_name(path).removeprefix("perplab.exchange.")
        for line, name in imported(path):
            if name.split(".")[:2] == ["perplab", "exchange"]:
                below = name.removeprefix("perplab.exchange").removeprefix(".") or "__init__"
                if below != importer:
                    yield f"{short(path)}:{line}", importer, below


def room_of(module: str) -> str:
    return module.split(".")[0]


def test_rooms_of_exchange_import_only_downwards() -> None:
    row = {name: number for number, names in enumerate(ROOMS) for name in names}
    present = {room_of(module_name(path).removeprefix("perplab.exchange.")) for path in sources("exchange")}
    problems = [f"exchange/{name}: in no row of ROOMS (tests/test_tidy.py)" for name in sorted(present - set(row))]
    problems += [
        f"{place}: {importer} may not import {below}"
        for place, importer, below in exchange_imports()
        if room_of(importer) != room_of(below) and row.get(room_of(below), 0) >= row.get(room_of(importer), 99)
    ]
    fail_if(problems)


def test_exchange_has_no_import_circle() -> None:
    waits_for: dict[str, set[str]] = {}
    for _, importer, below in exchange_imports():
        waits_for.setdefault(importer, set()).add(below)
    while free := [name for name, below in waits_for.items() if not below & set(waits_for)]:
        for name in free:
            del waits_for[name]
    assert not waits_for, f"these import each other in a circle: {sorted(waits_for)}"


# -- size --


def test_functions_fit_a_screen() -> None:
    fail_if(
        [
            f"{place}: {lines} lines, at most {FUNCTION_LINES}"
            for path in sources(*MEASURED)
            for place, lines in functions(path)
            if lines > FUNCTION_LINES
        ]
    )


def test_most_functions_are_short() -> None:
    problems = []
    for folder in MEASURED:
        lengths = [lines for path in sources(folder) for _, lines in functions(path)]
        if lengths and statistics.median(lengths) > MEDIAN_FUNCTION_LINES:
            problems.append(f"{folder}: the median function has {statistics.median(lengths)} lines")
    fail_if(problems)


def test_files_are_short() -> None:
    sizes = {short(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources(*MEASURED)}
    fail_if([f"{name}: {lines} lines, at most {FILE_LINES}" for name, lines in sizes.items() if lines > FILE_LINES])


# -- reasons --


def test_every_reason_is_used_and_has_a_text_case() -> None:
    from perplab.exchange.messages import Reason

    used = {name for path in sources("exchange") for name in reasons_read(path)}
    cases = " ".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests" / "cases").glob("*.txt")))
    told = set(re.findall(r"\w+", cases.lower()))
    problems = []
    for reason in Reason:
        if reason.name not in used:
            problems.append(f"Reason.{reason.name}: nothing in exchange/ uses it")
        if reason.name.lower() not in told:
            problems.append(f"Reason.{reason.name}: no text case in tests/cases/*.txt names it")
    fail_if(problems)


def reasons_read(path: Path) -> Iterator[str]:
    """Reasons that a file reads: R_NAME, the constant of the core, or Reason.NAME. An assignment or import is no use."""
    for node in ast.walk(tree(path)):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name.startswith("R_") and isinstance(getattr(node, "ctx", None), ast.Load):
            yield name.removeprefix("R_")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason":
            yield node.attr


# -- the repository --


def test_readme_commands_exist() -> None:
    makefile, readme = ((ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", "README.md"))
    targets = set(re.findall(r"^([a-z][\w-]*):(?!=)", makefile, re.MULTILINE))
    blocks = re.findall(r"^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    commands = [line.removeprefix("$ ").split("#")[0].split() for block in blocks for line in block.splitlines()]
    words = {word for command in commands if command[:1] == ["make"] for word in command[1:]}
    told = {word for word in words if "=" not in word and not word.startswith("-")}
    fail_if([f"README.md: make {word}: the Makefile has no such target" for word in sorted(told - targets)])
    assert {"demo", "test"} <= told, "README.md names make demo and make test as the way in"


def test_every_package_is_in_a_folder_that_is_installed() -> None:
    """A folder missing from package-dir in pyproject.toml would not be installed, nor one below it without an __init__.py."""
    top = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert top == set(FOLDERS) - {"docs"}
    fail_if([f"{short(path)}: no __init__.py beside it" for path in sources(*FOLDERS) if not path.with_name("__init__.py").is_file()])


def test_the_makefile_reads_the_same_list_of_folders() -> None:
    if shutil.which("make") is None:
        pytest.skip("no make here")
    told = subprocess.run(["make", "-pn", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    (line,) = (line for line in told.splitlines() if line.startswith("FOLDERS := "))
    assert tuple(line.split()[2:]) == FOLDERS


def test_nothing_is_left_to_do() -> None:
    fail_if(
        [
            f"{short(path)}:{number}: {line.strip()}"
            for path in [*sources(*FOLDERS, "tests"), ROOT / "setup.py", ROOT / "Makefile"]
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            if LEFT_BEHIND.search(line)
        ]
    )


def test_no_two_files_of_tests_have_one_name() -> None:
    """pytest imports them by their names alone, and takes one for the other."""
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path.name not in ("__init__.py", "conftest.py"):
            places.setdefault(path.name, []).append(short(path))
    fail_if([" and ".join(paths) for paths in places.values() if len(paths) > 1])


def test_no_machine_paths_and_no_registry_hosts() -> None:
    fail_if(
        [
            f"{short(path)}:{number}: {found.group()}"
            for path in tracked()
            for number, line in enumerate((text_of(path) or "").splitlines(), 1)
            if (found := MACHINE.search(line))
        ]
    )
