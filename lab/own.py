"""A user's own classes, by name from a scenario: "my_bot.py:DipBuyer", or "package.module:Class" of what is installed.

Rules of the file: a file is read once, and what runs is what was hashed. A class is loaded when the scenario is read, so whatever is wrong
with its file, name, base class or terms is told before anything runs, in one line. A scenario keeps the hash of the file, so another file
of that name is refused: in a worker, and where a report is repeated. What the file imports is not in the hash. Every run executes the file
anew (`load_anew`), so nothing that a class keeps goes from one run into the next. Whoever calls a user's class does so within `asking`.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final, TypeVar, get_type_hints

import msgspec

from perplab.exchange.design.reader import DesignError, Tree, explain, nearest

SUFFIX: Final = ".py"
OURS: Final = "perplab."  # classes that ship: the version of perplab stands for their files
MODULE: Final = "perplab_own_{}_{}"  # in sys.modules: name of the file, hash
DIGITS: Final = 12  # of the hash, in that name
KEY: Final = "class"
HERE: Final = Path(__file__).parent
MOST_SHOWN: Final = 200  # characters of a user's text in an error
FORM: Final = 'expected "file.py:Name", the file from the folder of this one, or "module:Name" of what is installed'

Made = TypeVar("Made")
_READ: Final[dict[str, tuple[Path, bytes]]] = {}  # by module name: files of users, as they were when they were hashed


class ScenarioError(DesignError):
    """A scenario file, name or override is wrong; the text is meant for the user."""


class Terminated(SystemExit):
    """Somebody asked the process to end, maybe while a user's class was at work: no error of that."""


class OwnClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of tables that name a class. ValueError tells what is wrong, without the file of the table."""

    class_: str = msgspec.field(name=KEY)
    terms: dict[str, object] = {}
    sha256: str = ""  # of the class's file, filled in when it is read; of what ships, none

    @property
    def named(self) -> str:
        """As errors and reports call it."""
        return told(self.class_)

    def loaded(self) -> object:
        """What the name stands for, as it was when the scenario was read, or its file now where this process has not. ScenarioError"""
        where, name = parted(self.class_)
        read = _READ.get(module_name(Path(where), self.sha256))
        try:
            return self.found() if read is None else self._in(executed(*read), name)
        except ValueError as error:
            raise ScenarioError(str(error)) from None

    def found(self) -> object:
        """What the name stands for; the table then has the whole path of its file, and its hash. ValueError"""
        where, name = parted(self.class_)
        if not where.endswith(SUFFIX):
            module = installed(where, self.class_)
            self.must_be(hashed(module))
        else:
            path = Path(where).absolute()
            data = content(path, self.class_)
            msgspec.structs.force_setattr(self, "class_", f"{path}:{name}")
            self.must_be(data)
            module = executed(path, data)
        return self._in(module, name)

    def _in(self, module: ModuleType, name: str) -> object:
        known = [one for one, value in vars(module).items() if callable(value) and getattr(value, "__module__", "") == module.__name__]
        if name not in vars(module):
            raise ValueError(f"class is {self.named!r}: expected a name in that file{nearest(name, known)}")
        value: object = vars(module)[name]
        return value

    def must_be(self, data: bytes | None) -> None:
        """Note the hash of the file, or compare it with the one that is noted. ValueError"""
        sha256 = "" if data is None else hashlib.sha256(data).hexdigest()
        if self.sha256 and self.sha256 != sha256:
            given = f"class is {self.named!r}, whose file has the sha256 {sha256[:DIGITS] or '-'}..."
            raise ValueError(f"{given}: expected {self.sha256[:DIGITS]}..., the file that was there before")
        msgspec.structs.force_setattr(self, "sha256", sha256)

    def one_of(self, base: type[Made], shipped: Mapping[str, type[Made]], is_new: bool) -> type[Made]:
        """The class that is meant: one that ships, by its name, or the user's own; `is_new`: as its file is now. ValueError"""
        if ":" in self.class_:
            return self.must_extend(base, self.found() if is_new else self.loaded())
        if self.class_ not in shipped:
            expected = f'expected one of {", ".join(shipped)}, or "file.py:Name" of your own'
            raise ValueError(f"class is {self.class_!r}: {expected}{nearest(self.class_, list(shipped), or_list=False)}")
        return shipped[self.class_]

    def must_extend(self, base: type[Made], value: object) -> type[Made]:
        if not (isinstance(value, type) and issubclass(value, base)):
            raise ValueError(f"class is {self.named!r}: expected a class that extends {base.__module__}.{base.__name__}")
        return value

    def terms_of(self, made: Callable[..., object]) -> dict[str, object]:
        """What it is to be called with besides what it is always given: its terms, if it takes any. ValueError"""
        kind = terms_type(made)
        if kind is None:
            if self.terms:
                given = f"terms are given, {list(self.terms)}"
                raise ValueError(f"{given}: expected none, {self.named} takes no argument `terms: SomeStruct`")
            return {}
        known = list(kind.__struct_encode_fields__)
        unknown = next((key for key in self.terms if key not in known), None)
        if unknown is not None:
            raise ValueError(f"unknown key terms.{unknown} = {self.terms[unknown]!r}{nearest(unknown, known)}")
        with asking(self.named, "its terms"):
            try:
                return {"terms": msgspec.convert(self.terms, kind, strict=False)}
            except msgspec.ValidationError as error:
                wrong = explain(str(error), self.terms, kind, "terms")
        raise ValueError(wrong)


def parted(given: str) -> tuple[str, str]:
    """File or module, and name. ValueError"""
    where, _, name = given.rpartition(":")
    if not where or not name.isidentifier():
        raise ValueError(f"class is {given!r}: {FORM}")
    return where, name


def told(given: str) -> str:
    """As errors and reports call it: the file from the current folder, or by its name alone where it lies elsewhere."""
    where, _, name = given.rpartition(":")
    path = Path(where)
    if not where.endswith(SUFFIX) or not path.is_absolute():
        return given
    here = Path.cwd()
    return f"{path.relative_to(here).as_posix() if path.is_relative_to(here) else path.name}:{name}"


def content(path: Path, given: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"class is {told(given)!r}: {path.name} cannot be read ({error.strerror}): {FORM}") from None


def installed(where: str, given: str) -> ModuleType:
    """A module by its dotted name. ValueError"""
    try:
        return import_module(where)
    except (KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:  # whatever a user's file does, sys.exit() too
        raise ValueError(f"class is {given!r}: its module cannot be imported: {cause(error, '')}: {FORM}") from None


def hashed(module: ModuleType) -> bytes | None:
    """What is in a module's file, unless it ships with perplab or has none."""
    file = module.__file__ or ""
    return Path(file).read_bytes() if file.endswith(SUFFIX) and not module.__name__.startswith(OURS) else None


def module_name(path: Path, sha256: str) -> str:
    return MODULE.format(path.stem, hashlib.sha256(f"{path} {sha256}".encode()).hexdigest()[:DIGITS])


def executed(path: Path, data: bytes) -> ModuleType:
    """The module that a file makes; files beside it can be imported by it. ValueError if it ends in an error."""
    name = module_name(path, hashlib.sha256(data).hexdigest())
    if name in sys.modules:
        return sys.modules[name]
    _READ[name] = path, data
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # before it runs, as an import does: its classes look themselves up there
    sys.path.append(str(path.parent))  # last, so that it hides nothing
    try:
        exec(compile(data, str(path), "exec"), module.__dict__)
    except BaseException as error:  # whatever a user's file does, sys.exit() too
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt | Terminated):
            raise
        raise ValueError(f"class is in {path.name}, which ends in an error: {cause(error, path.name)}") from None
    finally:
        if str(path.parent) in sys.path:  # the file may have taken it out
            sys.path.remove(str(path.parent))
    return module


def load_anew() -> None:
    """Files of users are executed again when they are next needed, as they were read; what they import is not."""
    for name in _READ:
        sys.modules.pop(name, None)


# -- while a user's class is at work --


@contextmanager
def asking(named: str, what: str) -> Iterator[None]:
    """While a user's class is asked for `what`: whatever it raises, sys.exit() too, becomes a ScenarioError of one line."""
    try:
        yield
    except (KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:
        raise ScenarioError(failed(named, what, error)) from error


def failed(named: str, what: str, error: BaseException) -> str:
    return f"class is {named!r}, which ends in an error: {cause(error, Path(named.rpartition(':')[0]).name)}, asked for {what}"


def cause(error: BaseException, file: str) -> str:
    """An error of a user's class in one line, with the last line of its file that led to it; else with the line of another file."""
    lines = [(Path(one.filename).name, one.lineno) for one in traceback.extract_tb(error.__traceback__) if not is_ours(one.filename)]
    if isinstance(error, SyntaxError) and error.lineno is not None:
        lines = [(Path(error.filename or "").name, error.lineno)]
    place = next((f" (line {line})" for name, line in reversed(lines) if name == file), "")
    if lines and not place:
        name, line = lines[-1]
        place = f" (line {line} of {name})"
    text = shown(error, error.msg if isinstance(error, SyntaxError) else None)
    return f"{type(error).__name__}{': ' if text else ''}{text}{place}"


def is_ours(file: str) -> bool:
    """Whether a line of a traceback only says that we asked."""
    return file == contextlib.__file__ or Path(file).parent == HERE


def shown(value: object, text: str | None = None) -> str:
    """Something of a user's as errors tell it: one line, never an error of its own."""
    try:
        text = text or (str(value) if isinstance(value, BaseException) else repr(value))
    except Exception:
        text = f"a {type(value).__name__} that cannot be shown"
    line = " ".join(text.split())
    return line if len(line) <= MOST_SHOWN else f"{line[:MOST_SHOWN]}..."


def must_take(named: str, made: Callable[..., object], *given: object, **also: object) -> None:
    """ValueError if it cannot be called like that."""
    try:
        inspect.signature(made).bind(*given, **also)
    except TypeError as error:
        raise ValueError(f"class is {named!r}, which cannot be called with {', '.join([*map(str, given), *also])}: {error}") from None


def takes(made: Callable[..., object], name: str) -> bool:
    return name in inspect.signature(made).parameters


def terms_type(made: Callable[..., object]) -> type[msgspec.Struct] | None:
    """The Struct that its parameter `terms` says it takes; None if it has none. ValueError"""
    if not takes(made, "terms"):
        return None
    try:
        kind = get_type_hints(getattr(made, "__init__", made) if isinstance(made, type) else made).get("terms")
    except NameError as error:
        raise ValueError(f"class takes `terms` of a type that its file does not know: {error}") from None
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        raise ValueError(f"class takes `terms` of type {getattr(kind, '__name__', kind)}: expected a msgspec.Struct of your own")
    return kind


# -- in trees of TOML and JSON --


def tables_in(scenario: Mapping[str, object]) -> list[Tree]:
    """The tables of a scenario that may name a class: its path and other paths, agents, archetypes and faults."""
    paths, listed = scenario.get("paths"), [scenario.get("agents"), scenario.get("archetypes"), scenario.get("faults")]
    found = [scenario.get("path"), *(paths.values() if isinstance(paths, dict) else [])]
    found += [one for tables in listed if isinstance(tables, list | tuple) for one in tables]
    return [one for one in found if isinstance(one, dict) and isinstance(one.get(KEY), str)]


def anchored(scenario: Mapping[str, object], folders: Sequence[Path]) -> None:
    """Put the whole path into each name of a class in a file, of the first folder that has it; the first one if none has."""
    for table in tables_in(scenario):
        where, _, name = str(table[KEY]).rpartition(":")
        if where.endswith(SUFFIX):
            path = next((folder / where for folder in folders if (folder / where).is_file()), folders[0] / where)
            table[KEY] = f"{path.absolute()}:{name}"


def for_report(scenario: Tree) -> Tree:
    """A scenario as a report has it: files of classes as they are called, not where they lie; of archetypes nothing where it has none."""
    if not scenario.get("archetypes"):
        scenario = {key: value for key, value in scenario.items() if key not in ("archetypes", "spot_market")}
    for table in tables_in(scenario):
        table[KEY] = told(str(table[KEY]))
    return scenario
