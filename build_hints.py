"""What a C compiler cannot know about the C that mypyc writes; setup.py has it put in before it compiles.

Hints change speed only, most of them only with compilers that understand them. mypyc's C is text, which its next version may write
otherwise: each hint compares what it found with what must be there, and `HintError` says what is not, so that no build loses its hints in
silence.

What is inlined is a rule, with exceptions by name below. To try others: PERPLAB_INLINE="60 trading.book.Book.rest -money.margin.tier_of" is
another size, one more function and one less; PERPLAB_INLINE="0 NAME NAME ..." is a list instead of the rule.
"""

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

INLINE_NODES = 60  # functions up to this size, with those inlined into them, are inlined wherever they are called
ALSO_INLINE: tuple[str, ...] = ()  # larger ones that are worth it
NEVER_INLINE: tuple[str, ...] = ()  # small ones that are better called

GUARDED = (  # while one of them runs, the venue takes no command
    "CPyDef_engine___Exchange___carry_out_rows", "CPyDef_preview___OrderPreview___look",
)  # fmt: skip
PURE = {  # what generated C calls that runs no Python code, nor makes objects that Python's collector looks at; errors aside, which end it
    "if", "likely", "unlikely", "offsetof", "sizeof", "while", "Py_TYPE", "PyLong_Check", "CPy_AddTraceback", "CPy_Unreachable",
    "CPy_TypeError", "CPy_TypeErrorTraceback", "CPyError_OutOfMemory", "PyErr_Occurred", "PyErr_SetNone", "PyErr_SetString", "CPy_DECREF",
    "CPy_INCREF", "CPy_DecRef", "CPy_XDECREF", "VEC_I64_DECREF", "VEC_I64_INCREF", "VEC_I16_DECREF", "VEC_I16_INCREF", "CPyInt64_Divide",
    "CPyInt64_Remainder", "PyLong_FromLongLong", "CPyLong_AsInt64", "CPyTagged_FromInt64", "CPyTagged_FromObject",
    "CPyTagged_StealFromObject", "CPyTagged_StealAsObject", "CPyTagged_DECREF", "CPyTagged_DecRef", "CPyTagged_INCREF", "CPyTagged_Add",
    "CPyTagged_Subtract", "CPyTagged_Multiply", "CPyTagged_FloorDivide", "CPyTagged_Negate", "CPyTagged_Rshift", "CPyTagged_Lshift",
    "CPyTagged_IsLt_", "CPyList_GetItemInt64", "CPyList_GetItemInt64Borrow", "CPyList_GetItemShort",
}  # fmt: skip

MACROS = """\
#if defined(__GNUC__) || defined(__clang__)
#define PERPLAB_INLINE static inline __attribute__((always_inline))
#define PERPLAB_COLD __attribute__((cold)) extern
#else
#define PERPLAB_INLINE extern
#define PERPLAB_COLD extern
#endif
"""


FUNCTION = r"^(?P<indent> *)(?P<head>[A-Za-z_][\w ]*[ *]+(?P<name>CPyDef_\w+)\([^;{}]*\) \{\n)(?P<body>.*?)^(?P=indent)\}$"
CALL = r"\bCPyDef_\w+(?=\()"
LOAD = r"^ *(?P<name>cpy_r_\w+) = \(\(\w+ \*\)(?P<owner>cpy_r_\w+)\)->_(?P<field>\w+);\n(?P<count>^ *\w*INCREF\w*\((?P=name)\);\n)?"


class HintError(Exception):
    pass


def index_in_vec(code: str) -> tuple[str, int]:
    """An index lies in its vec. mypyc asks that first, then whether it counts from the end: to a compiler both look equally likely."""
    test = r"\(uint64_t\)\w+ < \(uint64_t\)\w+;"
    told, count = re.subn(rf"\b((\w+) = {test}\s*if )\(\2\)", r"\1(likely(\2))", code)
    tests, errors = len(re.findall(test, code)), code.count("PyErr_SetNone(PyExc_IndexError)")
    if not count or count != tests or count < errors:
        raise HintError(f"range checks of vecs: {count} are as expected, of {tests} comparisons, for {errors} errors")
    return told, count


def python_functions(sources: Mapping[str, Path]) -> dict[str, tuple[str, int]]:
    """Each function of the modules, such as trading.book.Book.rest: mypyc's name for it in C, and its size.

    The size counts statements and operations, not names and constants. The length of the C says less: most of it is what happens on errors.
    """
    found = {}
    for module, path in sources.items():
        todo = [(module, f"CPyDef_{module.split('.')[-1]}", node) for node in ast.parse(path.read_text(encoding="utf-8")).body]
        for above, above_in_c, node in todo:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef):
                continue
            name, in_c = f"{above}.{node.name}", f"{above_in_c}___{node.name}"
            if isinstance(node, ast.ClassDef):
                todo += [(name, in_c, below) for below in node.body]
                continue
            body = node.body[ast.get_docstring(node) is not None :]
            parts = [part for statement in body for part in ast.walk(statement) if isinstance(part, ast.expr | ast.stmt)]
            found[name] = (in_c, sum(not isinstance(part, ast.Name | ast.Constant) for part in parts))
    return found


def bodies_in(code: str) -> dict[str, str]:
    """Of the C functions that come from Python ones."""
    return {found["name"]: found["body"] for found in re.finditer(FUNCTION, code, flags=re.M | re.S)}


def calls_in(code: str) -> dict[str, list[str]]:
    """Whom each of those functions calls, once for each place."""
    return {name: re.findall(CALL, body) for name, body in bodies_in(code).items()}


def callees_in(bodies: Mapping[str, str]) -> dict[str, set[str]]:
    """Whom each function may call, through tables of methods too."""
    methods: dict[str, set[str]] = {}
    for name in bodies:
        methods.setdefault(name.rsplit("___", 1)[1], set()).add(name)
    found = {}
    for name, body in bodies.items():
        through_table = re.findall(r"\bCPY_GET_METHOD\w*\(.*/\* (\w+) \*/$", body, flags=re.M)
        found[name] = bodies.keys() & {*re.findall(CALL, body)}.union(*(methods.get(method, ()) for method in through_table))
    return found


def reachable(roots: Iterable[str], calls: Mapping[str, set[str]], but: Iterable[str] = ()) -> set[str]:
    """The roots and all that they may call, without `but` and what only those call."""
    found = {*roots} - {*but}
    todo = [*found]
    while todo:
        new = calls[todo.pop()] - found - {*but}
        found |= new
        todo += new
    return found


def fields_set_in(bodies: Mapping[str, str], calls: Mapping[str, set[str]], guarded: Iterable[str]) -> dict[str, set[str]]:
    """The fields that a function may set in objects that were there before it: by itself, by what it calls, or by Python code that runs
    meanwhile. Such code can send commands, but not while one of `guarded` is at work, which refuse them."""
    own = {name: set() if name.endswith("_____init__") else set(re.findall(r"->_(\w+) = ", body)) for name, body in bodies.items()}
    lets_python_run = {name for name, body in bodies.items() if set(re.findall(r"\b([A-Za-z_]\w*)\(", body)) - {*calls} - PURE}
    exposed = reachable(bodies.keys() - reachable(guarded, calls), calls, but=guarded)
    any_field = set().union(*own.values())
    fields = {}
    for name in bodies:
        below = reachable([name], calls)
        open_to_all = name in exposed and not below.isdisjoint(lets_python_run)
        fields[name] = any_field if open_to_all else set().union(*(own[callee] for callee in below))
    return fields


def is_handed_on(name: str, body: str) -> bool:
    """Is the local name used for more than looking into it and passing it to functions of the core, which only borrow it?"""
    harmless = rf"""
        ^\ *(PyObject\ \*|Vec\w+\ ){name};$                # its declaration
        | ^\ *{name}\ =\ .*;$                               # its load
        | ^\ *\w*(INCREF|DECREF|DecRef)\w*\({name}\);$
        | (?<=\*\)){name}(?=\)->)                           # a field of it
        | \b{name}\.(len|items)\b
        | ^\ *\w+\ =\ CPyDef_\w+\(.*\);$
    """
    uses = "\n".join(line for line in body.split("\n") if re.search(rf"\b{name}\b", line))
    return re.search(rf"\b{name}\b", re.sub(harmless, "", uses, flags=re.M | re.X)) is not None


def without_references(code: str, guarded: Iterable[str] = GUARDED) -> tuple[str, int]:
    """What an object's field holds needs no other reference while a function looks at it.

    mypyc counts one up for every local name of an object or a vec, and down again behind its last use: one instruction in seven. A name
    goes without if fields lead to it from an argument, which the caller holds, and no field of these names is set by the function or by
    anything that it calls or lets run, constructors aside; and if it is not handed on to what would keep it.
    """
    bodies = bodies_in(code)
    if missing := {*guarded} - bodies.keys():
        raise HintError(f"{', '.join(missing)}: not in the generated C: who keeps commands from running within commands?")
    fields_set = fields_set_in(bodies, callees_in(bodies), guarded)
    dropped = 0

    def lighter(function: re.Match[str]) -> str:
        nonlocal dropped
        body = function["body"]
        sure = {name for name in re.findall(r"(cpy_r_\w+)(?=[,)])", function["head"]) if not re.search(rf"^ *{name} = ", body, re.M)}
        for load in re.finditer(LOAD, function["body"], flags=re.M):
            name = load["name"]
            is_steady = load["owner"] in sure and load["field"] not in fields_set[function["name"]]
            if not is_steady or len(re.findall(rf"^ *{name} = ", body, re.M)) > 1:
                continue
            if load["count"] is not None:
                counts = rf"^ *\w*(INCREF|DECREF|DecRef)\w*\({name}\);\n"
                if is_handed_on(name, body) or sum(how == "INCREF" for how in re.findall(counts, body, re.M)) != 1:
                    continue
                body = re.sub(counts, "", body, flags=re.M)
                dropped += 1
            sure.add(name)
        return f"{function['indent']}{function['head']}{body}{function['indent']}}}"

    told = re.sub(FUNCTION, lighter, code, flags=re.M | re.S)
    if not dropped:
        raise HintError("no field is loaded into a local name as expected")
    return told, dropped


def is_recursive(name: str, calls: Mapping[str, list[str]]) -> bool:
    seen: set[str] = set()
    todo = [*calls[name]]
    while todo:
        callee = todo.pop()
        if callee not in seen:
            seen.add(callee)
            todo += calls.get(callee, ())
    return name in seen


def leaves(sizes: Mapping[str, int], calls: Mapping[str, list[str]], limit: int, also: Iterable[str] = ()) -> set[str]:
    """C functions to inline: those up to `limit`, counting what is inlined into them, and `also`. What calls itself cannot be."""
    able = {name for name in sizes if not is_recursive(name, calls)}
    if refused := set(also) - able:
        raise HintError(f"these call themselves and cannot be inlined: {', '.join(sorted(refused))}")
    grown: dict[str, int] = {}  # what a call of it is worth in its caller, 0 if it stays a call

    def size_of(name: str) -> int:
        if name not in able:
            return 0
        if name not in grown:
            size = sizes[name] + sum(map(size_of, calls[name]))
            grown[name] = size if size <= limit or name in also else 0
        return grown[name]

    return {name for name in able if size_of(name)}


def declare(header: str, inlined: Iterable[str]) -> tuple[str, int]:
    """The header with its hints: what to inline; and what only Python calls, mypyc's wrappers, is cold: kept small and apart."""
    names = "|".join(sorted(inlined)) or "(?!)"
    told, count = re.subn(rf"^extern (?=[^(\n]*\b(?:{names})\()", "PERPLAB_INLINE ", header, flags=re.M)
    if count != len(set(inlined)):
        raise HintError(f"of {len(set(inlined))} functions to inline, {count} are declared in the header")
    told, cold = re.subn(r"^extern (?=[^(\n]*\b(?:CPyPy_\w+|CPyDef_\w+_____top_level__)\()", "PERPLAB_COLD ", told, flags=re.M)
    if not cold:
        raise HintError("no wrappers are declared in the header")
    return MACROS + told, cold


def exceptions(wish: str) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """Limit, names to inline and names not to, from PERPLAB_INLINE; where that is silent, those of this file."""
    words = wish.replace(",", " ").split()
    limit = [int(word) for word in words if word.isdigit()]
    also = [word for word in words if not word.isdigit() and word[0] != "-"]
    never = [word[1:] for word in words if word[0] == "-"]
    return (limit or [INLINE_NODES])[-1], (*ALSO_INLINE, *also), (*NEVER_INLINE, *never)


def put_hints(folder: Path, sources: Mapping[str, Path], wish: str = "") -> str:
    """Put the hints into the C of `folder`: all, or on a HintError none. Returns what it did, which the library says too, for the tests."""
    (code_file,) = folder.rglob("__native_*.c")
    (header_file,) = folder.rglob("__native_internal_*.h")
    code, checks = index_in_vec(code_file.read_text(encoding="utf-8"))
    code, references = without_references(code)
    limit, also, never = exceptions(wish)
    functions, calls = python_functions(sources), calls_in(code)
    if unknown := [name for name in (*also, *never) if name not in functions]:
        raise HintError(f"no such functions in the core: {', '.join(unknown)}")
    if lost := [name for name, (in_c, _) in functions.items() if in_c not in calls]:
        raise HintError(f"not found in the generated C: {', '.join(lost)}")
    sizes = {in_c: size for name, (in_c, size) in functions.items() if name not in never}
    chosen = leaves(sizes, calls, limit, {functions[name][0] for name in also})
    header, cold = declare(header_file.read_text(encoding="utf-8"), chosen)
    said = f"perplab hints: {checks} range checks, {references} references, {len(chosen)} functions inlined, {cold} cold"
    header_file.write_text(header, encoding="utf-8")
    code_file.write_text(f'{code}\nconst char perplab_hints[] = "{said}";\n', encoding="utf-8")
    return said
