"""The repository that a user copies: its tests pass, its bot runs against a server, and its page names what there is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from test_sockets import Server

ROOT = Path(__file__).resolve().parent.parent.parent
MY_BOT = ROOT / "examples" / "my_bot"


def copied(folder: Path) -> Path:
    return Path(shutil.copytree(MY_BOT, folder / "my_bot", ignore=shutil.ignore_patterns("__pycache__")))


def test_its_own_tests_pass(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=copied(tmp_path), env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^6 passed", done.stdout, re.MULTILINE), done.stdout


def test_its_bot_runs_against_a_server() -> None:
    server = Server("--trust")
    bot = subprocess.Popen([sys.executable, str(MY_BOT / "my_bot.py"), str(server.port)], stdout=subprocess.PIPE, text=True)
    try:
        assert bot.stdout is not None
        told = bot.stdout.read(30)
    finally:
        bot.terminate()
        bot.communicate(timeout=30)
        server.stop()
    assert re.match(r"\s[+-]\d\.\d{4} ETH, equity ", told), told


def test_its_page_and_project_name_what_there_is() -> None:
    page = (MY_BOT / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"^- `([\w/.]+)`", page, re.MULTILINE):
        assert (MY_BOT / name).is_file(), name
    (playbook,) = re.findall(r"perplab rehearse (\w+)", page)
    assert (ROOT / "lab" / "playbooks" / f"{playbook}.toml").is_file()
    project = tomllib.loads((MY_BOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools"]["py-modules"] == ["my_bot"] and "perplab" in project["project"]["dependencies"]
