"""The optional compile step (mypyc); everything else is in pyproject.toml.

PERPLAB_COMPILE=0: never. =1: compile or fail. Unset: compile, and where that fails install the same files, interpreted.
An editable install is always interpreted: a compiled module beside its source would hide every later edit.
"""
import ast
import os
import re
import shutil
import string
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

sys.path.append(str(Path(__file__).resolve().parent))
from build_hints import HintError, put_hints


def core_modules() -> tuple[str, ...]:
    """The compiled modules of exchange/, as exchange/build.py lists them: that file cannot be imported yet."""
    body = ast.parse(Path("exchange/build.py").read_text(encoding="utf-8")).body
    (found,) = (node.value for node in body if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "CORE")
    return tuple(ast.literal_eval(found))


def path_of(module: str) -> str:
    return f"exchange/{module.replace('.', '/')}.py"


CORE = core_modules()
NEEDS = [  # mypy pinned: another one may find type errors. The rest: what the core imports, for its types
    "mypy==2.4.1", "mypy_extensions>=1.1", "librt>=0.16", "msgspec>=0.20", "msgpack>=1.1", "sortedcontainers>=2.4",
]  # fmt: skip
MODE = "0" if "editable_wheel" in sys.argv else os.environ.get("PERPLAB_COMPILE") or "auto"
FOLDERS = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-dir"]
PLAIN = frozenset(" " + string.ascii_letters + string.digits)  # what needs no escape in a C string
OPT_LEVEL = os.environ.get("PERPLAB_OPT_LEVEL") or "2"  # 3 is slower here: the hot code no longer fits the first cache

if MODE not in ("0", "1", "auto"):
    sys.exit(f"perplab: PERPLAB_COMPILE is {MODE!r}; it can be 0, 1 or unset")
if missing := [name for name in CORE if not Path(path_of(name)).is_file()]:
    sys.exit(f"perplab: setup.py lists core modules that exchange/ does not have: {', '.join(missing)}")


def packages() -> list[str]:
    """Those of pyproject.toml's package-dir, and the packages below them."""
    found = list(FOLDERS)
    for name, folder in FOLDERS.items():
        below = sorted(path.parent.relative_to(folder) for path in Path(folder).glob("*/**/__init__.py"))
        found += [".".join([name, *path.parts]) for path in below]
    return found


def long_description() -> str:
    """The README for where there is no checkout: a link into it becomes its text and the file's name, which every sdist has."""
    text = Path("README.md").read_text(encoding="utf-8")
    into_checkout = r"!?\[([^\]]+)\]\((?!\w+:)([^)#]*)[^)]*\)"
    return re.sub(into_checkout, lambda link: link[1] if link[1] == link[2] else f"{link[1]} ({link[2]})", text)


def cold_errors() -> list[str]:
    """GCC only: what mypyc calls unlikely (its error paths) never happens, so it lies apart from the hot code."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    told = subprocess.run([*compiler.split(), "--version"], capture_output=True, text=True, check=False).stdout
    return ["--param=builtin-expect-probability=100"] if "Free Software Foundation" in told else []


def docstrings() -> dict[str, str]:
    """Those of the core's classes, methods and functions, by the name that mypyc gives them in C: engine___Exchange___apply."""
    found = {}
    for module in CORE:
        tree = ast.parse(Path(path_of(module)).read_text(encoding="utf-8"))
        todo = [(module.split(".")[-1], node) for node in tree.body]
        for above, node in todo:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                name = f"{above}___{node.name}"
                found[name] = ast.get_docstring(node) or ""
                todo += [(name, below) for below in node.body] if isinstance(node, ast.ClassDef) else []
    return found


def keep_docstrings(folder: Path) -> None:
    """mypyc leaves docstrings out; put them into the C that it wrote, behind the signatures that it has there for inspect."""
    known = docstrings()
    signature = r'PyDoc_STR\("(?:[^"\\]|\\.)*?\\n--\\n\\n'
    method = rf"(\(PyCFunction\)CPyPy_(\w+),\s*METH_[\w |]*,\s*{signature})"
    of_class = rf"(PyTypeObject CPyType_(\w+)_template_ = {{[^}}]*?\.tp_doc = {signature})"

    def documented(at: re.Match[str]) -> str:
        text = known.get(at[2], "").encode("utf-8")
        return at[1] + "".join(chr(byte) if chr(byte) in PLAIN else f"\\{byte:03o}" for byte in text)

    for file in folder.rglob("*.c"):
        file.write_text(re.sub(of_class, documented, re.sub(method, documented, file.read_text(encoding="utf-8"))), encoding="utf-8")


def hint(folder: Path) -> None:
    """The core is right without its hints, only slower: where they do not fit, a build that must compile fails and any other goes on."""
    try:
        print(put_hints(folder, {name: Path(path_of(name)) for name in CORE}, os.environ.get("PERPLAB_INLINE", "")), file=sys.stderr)
    except HintError as error:
        if MODE == "1":
            raise
        print(f"perplab: WARNING: the core is compiled without hints and will be slower: {error}", file=sys.stderr)


def core_extensions() -> list[Extension]:
    from mypyc.build import mypycify

    root, stage = Path.cwd(), Path("build/stage").absolute()
    shutil.rmtree(stage, ignore_errors=True)  # mypyc takes module names and traceback paths from file paths
    leave_out = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
    shutil.copytree("exchange", stage / "perplab/exchange", ignore=leave_out)
    options = ["--config-file=", "--strict", "--namespace-packages", "--explicit-package-bases"]
    os.chdir(stage)
    try:
        # All of exchange/ is named to mypy: what is not would be looked up in a perplab already installed.
        # The server is left out, but for what is compiled of it and what that imports: it needs more than the core.
        compiled = [Path("perplab", path_of(name)) for name in CORE]
        server = [path for path in Path("perplab/exchange/server").rglob("*.py") if path.stem != "__init__"]
        left_out = [path for path in server if path not in compiled and path != Path("perplab/exchange/server/errors.py")]
        modules = sorted(Path("perplab/exchange").rglob("*.py"))
        seen = [str(path) for path in modules if path not in left_out]
        found = mypycify(
            [*options, *seen],
            only_compile_paths=[f"perplab/{path_of(name)}" for name in CORE],
            opt_level=OPT_LEVEL,
            group_name="perplab.exchange.core",  # the dots put the shared library inside the package
            target_dir=str(root / "build/mypyc"),
        )
    finally:
        os.chdir(root)
    keep_docstrings(root / "build/mypyc")
    hint(root / "build/mypyc")
    for extension in found if os.name == "posix" else []:
        # hidden: else nothing is inlined across functions. wrapv: i64 wraps by rule, whatever CPython was built with
        extension.extra_compile_args = [*extension.extra_compile_args, "-fvisibility=hidden", "-fwrapv", *cold_errors()]
    return found


class BuildPython(build_py):
    def run(self) -> None:  # else modules deleted since the last build, and its .so files, get packed
        if not self.editable_mode:
            shutil.rmtree(Path(self.build_lib, "perplab"), ignore_errors=True)
        super().run()


class BuildCore(build_ext):
    """All or nothing: half a mypyc group cannot be imported."""

    def run(self) -> None:
        try:
            self.distribution.ext_modules = core_extensions()
            self.swig_opts = None  # lets finalize_options run twice
            self.finalize_options()
            super().run()
        except (Exception, SystemExit) as error:
            if MODE == "1":
                raise
            print(f"perplab: the core stays interpreted, compiling failed: {error}", file=sys.stderr)
            for file in [*Path(self.build_lib).rglob("*.so"), *Path(self.build_lib).rglob("*.pyd")]:
                file.unlink()
            self.extensions = self.distribution.ext_modules = []
            self.get_finalized_command("bdist_wheel").root_is_pure = True  # tag py3-none-any


setup(
    packages=packages(),
    long_description=long_description(),
    long_description_content_type="text/markdown",
    ext_modules=[] if MODE == "0" else [Extension("perplab.exchange.core", [])],
    cmdclass={"build_py": BuildPython, "build_ext": BuildCore},
    setup_requires=[] if MODE == "0" else NEEDS,
)
