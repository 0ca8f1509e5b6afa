"""The hints that the compile step gives the compiler: what they change in the C, how they fail, and that the installed core has them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import perplab.exchange as exchange

ROOT = Path(__file__).resolve().parent.parent

CHECKS = """
    cpy_r_r6 = (uint64_t)cpy_r_at < (uint64_t)cpy_r_r5;
    if (cpy_r_r6) goto CPyL8;
    cpy_r_r7 = cpy_r_at + cpy_r_r5;
    cpy_r_r8 = (uint64_t)cpy_r_r7 < (uint64_t)cpy_r_r5;
    if (cpy_r_r8) {
        goto CPyL7;
    } else
        goto CPyL10;
    PyErr_SetNone(PyExc_IndexError);
"""
PYTHON = '''
def add(a: i64) -> i64:
    """A docstring is no code."""
    return a + 1

class Book:
    def put(self, a: i64) -> i64:
        return add(a) + add(a)

    def walk(self, a: i64) -> i64:
        return self.walk(a - 1)

    def look(self) -> i64:
        return self.look()
'''
LOADS = """
    cpy_r_r0 = ((BookObject *)cpy_r_self)->_state;
    CPy_INCREF(cpy_r_r0);
    cpy_r_r1 = ((StateObject *)cpy_r_r0)->_orders;
    cpy_r_r2 = ((OrdersObject *)cpy_r_r1)->_cells;
    VEC_I64_INCREF(cpy_r_r2);
    cpy_r_r3 = (int64_t)cpy_r_r2.len;
    cpy_r_r4 = CPyDef_book___Book___look(cpy_r_r0, cpy_r_r2);
    if (unlikely(cpy_r_r4 == -113)) {
        goto CPyL9;
    }
    CPy_DECREF(cpy_r_r0);
    VEC_I64_DECREF(cpy_r_r2);
    return cpy_r_r3;
CPyL9: ;
    CPy_DecRef(cpy_r_r0);
    VEC_I64_DECREF(cpy_r_r2);
"""
COUNTS = re.compile(r"^ *\w*(?:INCREF|DECREF|DecRef)\w*\((\w+)\);\n", flags=re.M)  # of a name, up or down
CODE = f"""
int64_t CPyDef_book___add(int64_t cpy_r_a) {{{CHECKS}
    return cpy_r_a;
}}
int64_t CPyDef_book___Book___look(PyObject *cpy_r_self) {{{LOADS}}}
char CPyDef_engine___Exchange___carry_out_rows(PyObject *cpy_r_self) {{
    CPyDef_book___Book___look(cpy_r_self);
}}
char CPyDef_preview___OrderPreview___look(PyObject *cpy_r_self) {{
    CPyDef_book___Book___look(cpy_r_self);
}}
        PyObject *CPyPy_book___add(PyObject *self, PyObject *const *args) {{
            CPyDef_book___add(1);
        }}
        int64_t CPyDef_book___Book___put(PyObject *cpy_r_self, int64_t cpy_r_a) {{
            if (cpy_r_a) {{
                CPyDef_book___add(cpy_r_a);
            }}
            return CPyDef_book___add(cpy_r_a);
        }}
    int64_t CPyDef_book___Book___walk(PyObject *cpy_r_self, int64_t cpy_r_a) {{
        return CPyDef_book___Book___walk(cpy_r_self, cpy_r_a);
    }}
"""
HEADER = """
extern int64_t CPyDef_book___add(int64_t cpy_r_a);
extern PyObject *CPyPy_book___add(PyObject *self, PyObject *const *args);
extern int64_t CPyDef_book___Book___put(PyObject *cpy_r_self, int64_t cpy_r_a);
extern int64_t CPyDef_book___Book___walk(PyObject *cpy_r_self, int64_t cpy_r_a);
extern int64_t CPyDef_book___Book___look(PyObject *cpy_r_self);
"""


@pytest.fixture(scope="module")
def hints() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_hints", ROOT / "build_hints.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    for name, text in (("__native_core.c", CODE), ("__native_internal_core.h", HEADER), ("book.py", PYTHON)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def put(hints: ModuleType, folder: Path, wish: str = "") -> tuple[str, list[str]]:
    """What `put_hints` says, and the functions that the header then has inlined."""
    said = hints.put_hints(folder, {"trading.book": folder / "book.py"}, wish)
    header = (folder / "__native_internal_core.h").read_text(encoding="utf-8")
    return said, re.findall(r"^PERPLAB_INLINE .*?(CPyDef_\w+)", header, flags=re.M)


def test_both_tests_of_a_range_check_are_likely(hints: ModuleType) -> None:
    told, count = hints.index_in_vec(CHECKS)
    assert count == 2
    assert "if (likely(cpy_r_r6)) goto CPyL8;" in told and "if (likely(cpy_r_r8)) {" in told
    assert told.replace("likely(cpy_r_r6)", "cpy_r_r6").replace("likely(cpy_r_r8)", "cpy_r_r8") == CHECKS


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("if (cpy_r_r6) goto", "if (!cpy_r_r6) goto"),
        ("< (uint64_t)", "<= (uint64_t)"),
        (CHECKS, ""),
        (CHECKS, "PyErr_SetNone(PyExc_IndexError);"),
    ],
)
def test_range_checks_that_look_otherwise_are_an_error(hints: ModuleType, written: str, instead: str) -> None:
    with pytest.raises(hints.HintError, match="range checks of vecs"):
        hints.index_in_vec(CHECKS.replace(written, instead))


def test_what_fields_hold_is_not_counted_again(hints: ModuleType) -> None:
    told, dropped = hints.without_references(CODE)
    assert dropped == 2 and told == COUNTS.sub("", CODE), "and nothing else is changed"


GROW = """\
char CPyDef_packed___Table___grow(PyObject *cpy_r_self) {
    ((TableObject *)cpy_r_self)->_cells = cpy_r_new;
}
char CPyDef_state___reserve(PyObject *cpy_r_table) {
    CPyDef_packed___Table___grow(cpy_r_table);
}
char CPyDef_packed___Table_____init__(PyObject *cpy_r_self) {
    ((TableObject *)cpy_r_self)->_cells = cpy_r_new;
    ((TableObject *)cpy_r_self)->_orders = cpy_r_new;
}
"""


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("cpy_r_r9 = CPyDef_packed___Table_____init__(cpy_r_new);", ""),  # fields of what is new
        ("cpy_r_r9 = CPyDef_packed___Table___grow(cpy_r_r1);", "r2"),
        ("cpy_r_r9 = CPyDef_state___reserve(cpy_r_r1);", "r2"),
        ("cpy_r_r9 = CPY_GET_METHOD(cpy_r_r1, CPyType_packed___Table, 0, char (*)(PyObject *))(cpy_r_r1); /* grow */", "r2"),
        ("((StateObject *)cpy_r_r0)->_orders = cpy_r_r9;", "r2"),
        ("((BookObject *)cpy_r_self)->_state = cpy_r_r9;", "r0 r2"),
        ("cpy_r_self = cpy_r_r9;", "r0 r2"),
        ("cpy_r_r0 = cpy_r_r9;", "r0 r2"),
        ("cpy_r_r1 = cpy_r_r9;", "r2"),
        ("return cpy_r_r0;", "r0 r2"),
        ("((WalkObject *)cpy_r_r9)->_rows = cpy_r_r2;", "r2"),
        ("cpy_r_r9 = PyList_Append(cpy_r_list, cpy_r_r0);", "r0 r2"),
        ("cpy_r_r9.f0 = cpy_r_r2;", "r2"),
        ("cpy_r_rows = cpy_r_r2;", "r2"),
    ],
)
def test_what_may_go_meanwhile_or_is_handed_on_is_counted(hints: ModuleType, line: str, kept: str) -> None:
    assert hints.without_references(CODE + GROW)[1] == 2, "it is there, and nobody calls it"
    changed = CODE.replace("    return cpy_r_r3;\n", f"    {line}\n") + GROW
    steady = "void CPyDef_book___sure(PyObject *cpy_r_self) {\n    cpy_r_r9 = ((O *)cpy_r_self)->_f;\n    CPy_INCREF(cpy_r_r9);\n}\n"
    told, dropped = hints.without_references(changed + steady)
    names = {f"cpy_r_{name}" for name in kept.split()}
    assert dropped == 3 - len(names)
    assert told == COUNTS.sub(lambda count: count[0] if count[1] in names else "", changed + steady), "all of a name's, or none"


ASK = """\
int64_t CPyDef_queries___Queries___ask(PyObject *cpy_r_self) {
    CPyDef_book___Book___look(cpy_r_self);
}
"""


@pytest.mark.parametrize(
    ("line", "more", "dropped"),
    [
        ("cpy_r_r9 = PyList_New(0);", "", 2),  # only commands come here, and they keep others out
        ("cpy_r_r9 = CPyTagged_Add(cpy_r_r3, cpy_r_r3);", ASK, 2),  # runs nothing
        ("cpy_r_r9 = PyList_New(0);", ASK, 1),  # a query comes here too, and the collector may run a command: a table grows
        ("cpy_r_r9 = CPyDef_made(cpy_r_r1);", ASK + "char CPyDef_x___made(PyObject *cpy_r_b) {\n    PyList_New(0);\n}\n", 1),
        ("cpy_r_r9 = CPyDef_x___made(cpy_r_r1);", ASK + "char CPyDef_x___made(PyObject *cpy_r_b) {\n    PyList_New(0);\n}\n", 1),
    ],
)
def test_where_a_query_may_be_interrupted_what_commands_set_is_counted(hints: ModuleType, line: str, more: str, dropped: int) -> None:
    changed = CODE.replace("    return cpy_r_r3;\n", f"    {line}\n") + GROW + more
    assert hints.without_references(changed)[1] == dropped


@pytest.mark.parametrize("guard", ["carry_out_rows", "OrderPreview___look"])
def test_the_guards_must_be_there(hints: ModuleType, guard: str) -> None:
    with pytest.raises(hints.HintError, match=f"{guard}: not in .* who keeps commands from running within commands"):
        hints.without_references(CODE.replace(guard, "another"))


def test_no_load_as_expected_is_an_error(hints: ModuleType) -> None:
    with pytest.raises(hints.HintError, match="no field is loaded into a local name as expected"):
        hints.without_references(CODE.replace("->_", "->"))


def test_small_functions_are_inlined_and_wrappers_are_cold(hints: ModuleType, generated: Path) -> None:
    said, inlined = put(hints, generated)
    assert said == "perplab hints: 2 range checks, 2 references, 2 functions inlined, 1 cold"
    assert inlined == ["CPyDef_book___add", "CPyDef_book___Book___put"], "walk calls itself"
    header = (generated / "__native_internal_core.h").read_text(encoding="utf-8")
    assert "\nPERPLAB_COLD PyObject *CPyPy_book___add(" in header
    assert "\nextern int64_t CPyDef_book___Book___walk(" in header
    assert said in (generated / "__native_core.c").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("wish", "inlined"),
    [
        ("0", []),
        ("2", ["CPyDef_book___add"]),
        ("7", ["CPyDef_book___add"]),  # put is 4, and add, which is 2, is in it twice
        ("8", ["CPyDef_book___add", "CPyDef_book___Book___put"]),
        ("0 trading.book.Book.put", ["CPyDef_book___Book___put"]),
        ("-trading.book.add", ["CPyDef_book___Book___put"]),
    ],
)
def test_size_counts_what_is_inlined_and_names_are_exceptions(hints: ModuleType, generated: Path, wish: str, inlined: list[str]) -> None:
    assert put(hints, generated, wish)[1] == inlined


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("trading.book.Book.take -book.add", "no such functions in the core: trading.book.Book.take, book.add"),
        ("trading.book.Book.walk", "these call themselves and cannot be inlined: CPyDef_book___Book___walk"),
    ],
)
def test_names_that_cannot_be_inlined_are_an_error(hints: ModuleType, generated: Path, wish: str, said: str) -> None:
    with pytest.raises(hints.HintError, match=re.escape(said)):
        put(hints, generated, wish)


def test_functions_and_wrappers_that_are_not_found_are_an_error_and_change_nothing(hints: ModuleType, generated: Path) -> None:
    code, header = generated / "__native_core.c", generated / "__native_internal_core.h"
    header.write_text(HEADER.replace("extern int64_t CPyDef_book___add(", "int64_t CPyDef_book___add("), encoding="utf-8")
    with pytest.raises(hints.HintError, match="of 2 functions to inline, 1 are declared"):
        put(hints, generated)
    header.write_text(HEADER.replace("CPyPy_", "Wrapper_"), encoding="utf-8")
    with pytest.raises(hints.HintError, match="no wrappers are declared"):
        put(hints, generated)
    assert code.read_text(encoding="utf-8") == CODE
    code.write_text(CODE.replace("CPyDef_book___Book___put(", "CPyDef_book___Book___set("), encoding="utf-8")
    with pytest.raises(hints.HintError, match=r"not found in the generated C: trading\.book\.Book\.put$"):
        put(hints, generated)


def test_the_exceptions_by_name_are_functions_of_the_core(hints: ModuleType) -> None:
    from perplab.exchange.build import CORE

    known = hints.python_functions({name: (ROOT / "exchange" / name.replace(".", "/")).with_suffix(".py") for name in CORE})
    assert not {*hints.ALSO_INLINE, *hints.NEVER_INLINE} - set(known)


@pytest.mark.skipif(exchange.BUILD != "compiled", reason="only the compiled core is given hints")
def test_the_installed_core_has_its_hints() -> None:
    folder = Path(str(exchange.__file__)).parent
    (library,) = [path for path in folder.glob("core__mypyc*") if path.suffix in (".so", ".pyd")]
    found = re.findall(rb"perplab hints: (\d+) range checks, (\d+) references, (\d+) functions inlined, (\d+) cold", library.read_bytes())
    assert len(found) == 1
    checks, references, inlined, cold = map(int, found[0])
    assert checks > 1_000 and references > 500 and inlined > 50 and cold > 200
