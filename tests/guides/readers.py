"""How a block is looked at that nothing runs: by the parser of its language, and of each command in it."""

from __future__ import annotations

import argparse
import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
import uuid
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from django.core.management import get_commands, load_command_class
from django.template import engines

from django_vton import health
from django_vton.models import TryOnEvent
from django_vton.models.states import State
from django_vton.sandbox import Scenario

from .blocks import ROOT, Block, of_page

TOOLS = {".", "cd", "install", "mkdir", "msgfilter", "package=$(python", "python3"}
"""Commands of the shell whose arguments are theirs; that they parse is seen to by bash."""


def tool(name: str) -> str:
    """A program that reads a language; where it is missing the test is left out, but never in CI."""
    found = shutil.which(name)
    if found is None:
        assert "CI" not in os.environ, f"{name} is not installed"
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str | Path, text: str = "") -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# Commands ---------------------------------------------------------------------------------------------


def console(code: str) -> None:
    """Each line is a command that is there, with options that it takes."""
    lines = code.splitlines()
    assert lines
    for line in lines:
        assert line.startswith("$ "), line
        command(line.removeprefix("$ "))


def command(line: str) -> None:
    """One command line; `manage.py`'s are parsed by their own parsers."""
    run("bash", "-n", text=line + "\n")
    program, *rest = shlex.split(line, comments=True)
    if program == "python" and rest[0] == "manage.py":
        manage(rest[1], rest[2:])
    elif program == "django-admin":
        manage(rest[0], rest[1:])
    elif program == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif program == "pip":
        pip(rest)
    elif program == "curl":
        curl(rest)
    else:
        assert program in TOOLS, f"nothing looks at {program}"


def manage(name: str, arguments: list[str]) -> None:
    """Raises SystemExit where the command does not take them."""
    found = load_command_class(get_commands()[name], name)
    parser = found.create_parser("manage.py", name)
    parser.error = _refuse  # type: ignore[method-assign] # it would end the process
    parser.parse_args(arguments)


def _refuse(message: str) -> None:
    raise argparse.ArgumentTypeError(message)


def pip(arguments: list[str]) -> None:
    """What is installed is ours, or a part of the environment of the tests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["install"])
    parser.add_argument("--upgrade", action="store_true")
    parser.add_argument("names", nargs="+")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    known = str(project["dependency-groups"])
    ours = {project["project"]["name"], *project["project"]["optional-dependencies"]}
    for name in parser.parse_args(arguments).names:
        assert name in known or set(re.findall(r"[\w-]+", name)) <= ours, name


def curl(arguments: list[str]) -> None:
    """Only the sandbox is called, by a scenario that it takes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("-X", choices=["DELETE"])
    parser.add_argument("-d")
    given = parser.parse_args(arguments)
    assert given.address == "http://127.0.0.1:8765/_sandbox/scenario"
    if given.d:
        Scenario.from_json(json.loads(given.d))


# Files ------------------------------------------------------------------------------------------------


def html(code: str) -> None:
    engines["django"].from_string(code)


def json_text(code: str) -> None:
    found = json.loads(code)
    if all(set(each) == {"name", "ok", "text"} for each in found):
        looks = Path(health.__file__).read_text()
        assert [each for each in found if f'"{each["name"].partition(".")[0]}' not in looks] == []


def ini(code: str) -> None:
    """A unit of systemd, whose program is one of ours."""
    unit = configparser.ConfigParser(strict=True, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # systemd's names have capitals
    unit.read_string(code)
    program = unit["Service"]["ExecStart"].partition("/bin/")[2]
    command(program)
    # Beside the parser, for the names of its settings; containers have no systemd.
    if analyze := shutil.which("systemd-analyze"):
        with TemporaryDirectory() as folder:
            there = Path(folder) / "vton.service"
            there.write_text(
                re.sub(r"/srv/shop(/\S+)?", lambda found: "/bin/true" if found[1] else "/", code)
            )
            run(analyze, "verify", "--man=no", "--recursive-errors=no", there)


def yaml_text(code: str) -> None:
    """Containers, whose commands are ours or gunicorn's."""
    for service in yaml.safe_load(code)["services"].values():
        program = service["command"]
        if not program.startswith("gunicorn "):
            command(program)


def nginx(code: str) -> None:
    with TemporaryDirectory() as folder:
        there = Path(folder) / "nginx.conf"
        there.write_text(
            f"pid {folder}/nginx.pid; error_log stderr; events {{}} http {{ access_log off;\n{code}}}\n"
        )
        run(tool("nginx"), "-t", "-q", "-p", folder, "-c", there)


def http(code: str) -> None:
    status, *headers = code.splitlines()
    assert re.fullmatch(r"HTTP/1\.1 \d{3} \w+", status)
    assert headers
    assert all(re.fullmatch(r"[A-Z][\w-]+: \S.*", header) for header in headers)


def css(code: str) -> None:
    """Rules, and nothing beside them."""
    rule = r"\s*[^{}]+\{(?:\s*[\w-]+:[^;{}]+;)+\s*\}\s*"
    assert re.fullmatch(f"(?:{rule})+", code)


def js(code: str) -> None:
    run(tool("node"), "--check", "-", text=code)


def po(code: str) -> None:
    """Messages that the package has, in other words."""
    ours = (ROOT / "django_vton" / "locale" / "de" / "LC_MESSAGES" / "django.po").read_text()
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    rest = code.removeprefix(header)
    blocks = rest.split("\n\n")
    entries = re.findall(r'((?:msgctxt "vton"\n)?msgid "[^"]+"\n)msgstr "[^"]+"\n?', rest)
    assert len(entries) == len(blocks) > 0
    assert [entry for entry in entries if entry not in ours] == []


def text(code: str) -> None:
    """Lines of the log, as `lifecycle` writes them."""
    states = {*State.values, "-"}
    source = "\n".join(path.read_text() for path in (ROOT / "django_vton" / "lifecycle").glob("*.py"))
    for line in code.splitlines():
        fields = dict(part.split("=") for part in line.split(" "))
        assert list(fields) == ["try_on", "attempt", "event", "from", "to"]
        uuid.UUID(fields["try_on"])
        assert {fields["from"], fields["to"]} <= states
        assert f'"{fields["event"]}"' in source
        assert len(fields["event"]) <= (TryOnEvent._meta.get_field("name").max_length or 0)


def plan(code: str) -> None:
    """A query, and how the database goes about it: `benchmarks.plans` writes them, in no language."""
    query, _blank, steps = code.partition("\n\n")
    assert query.startswith(("SELECT ", "UPDATE ", "INSERT ", "DELETE "))
    assert "\n" not in query
    assert steps


READERS: dict[str, Callable[[str], None]] = {
    "": plan,
    "console": console,
    "css": css,
    "html": html,
    "http": http,
    "ini": ini,
    "js": js,
    "json": json_text,
    "nginx": nginx,
    "po": po,
    "python": lambda code: compile(code, "guide", "exec") and None,
    "text": text,
    "yaml": yaml_text,
}
"""Every language of the guides; `test_guides` runs the Python as well."""


def tested_files() -> list[Path]:
    """Files that are run by tests, of which a guide may show a part."""
    folders = ["tests/hosts", "tests/guides", "tests/queues", "tests/third_engine", "example_project"]
    return [
        path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".html"}
    ]


def is_shown(block: Block) -> bool:
    """Whether it stands in a file that is run, letter by letter, or in the quickstart, which is one."""
    quickstart = of_page("quickstart", "python") if block.page != "quickstart" else []
    shown = [path.read_text() for path in tested_files()] + [other.code for other in quickstart]
    return any(block.code in text for text in shown)
