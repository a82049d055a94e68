"""Validate code blocks that no test runs: with a parser of the language, and of each command."""

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
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pytest
import yaml
from django.core.management import get_commands, load_command_class
from django.template import engines
from django.urls import resolve
from jinja2 import Environment

from django_vton.health import facts, vendor_facts
from django_vton.models import TryOnEvent
from django_vton.models.states import State
from django_vton.monitoring import health_checks
from django_vton.sandbox import Scenario

from .code_blocks import ROOT, Block, blocks_of_page

TOOLS = {
    ".",
    "cd",
    "install",
    "mkdir",
    "msgfilter",
    "npx",
    "openapi-python-client",
    "package=$(python",
    "python3",
}
"""Shell commands whose arguments are not checked; bash checks their syntax."""


def find_tool(name: str) -> str:
    """The path of a program that parses a language. Without it, the test is skipped, but fails in CI."""
    path = shutil.which(name)
    if path is None:
        assert "CI" not in os.environ, f"{name} is not installed"
        pytest.skip(f"{name} is not installed")
    return path


def run(*command: str | Path, text: str = "") -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def console(code: str) -> None:
    """Each line is an existing command with valid options."""
    lines = code.splitlines()
    assert lines
    for line in lines:
        assert line.startswith("$ "), line
        validate_command(line.removeprefix("$ "))


def validate_command(line: str) -> None:
    """A command line; commands of `manage.py` are parsed by their own parsers."""
    run("bash", "-n", text=line + "\n")
    program, *rest = shlex.split(line, comments=True)
    if program == "python" and rest[0] == "manage.py":
        validate_management_command(rest[1], rest[2:])
    elif program == "django-admin":
        validate_management_command(rest[0], rest[1:])
    elif program == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif program == "pip":
        validate_pip(rest)
    elif program == "curl":
        validate_curl(rest)
    else:
        assert program in TOOLS, f"{program} has no validator"


def validate_management_command(name: str, arguments: list[str]) -> None:
    """Raises ArgumentTypeError if the command does not accept the arguments."""
    management_command = load_command_class(get_commands()[name], name)
    parser = management_command.create_parser("manage.py", name)
    parser.error = _raise_error  # type: ignore[method-assign] # It would exit.
    parser.parse_args(arguments)


def _raise_error(message: str) -> None:
    raise argparse.ArgumentTypeError(message)


def validate_pip(arguments: list[str]) -> None:
    """Only this package and packages of the test environment are installed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["install"])
    parser.add_argument("--upgrade", action="store_true")
    parser.add_argument("names", nargs="+")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    known = str(project["dependency-groups"])
    ours = {project["project"]["name"], *project["project"]["optional-dependencies"]}
    for name in parser.parse_args(arguments).names:
        assert name in known or set(re.findall(r"[\w-]+", name)) <= ours, name


def validate_curl(arguments: list[str]) -> None:
    """Only the sandbox is called, with a scenario that it accepts, or the vendor's view of the shop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-i", action="store_true")
    parser.add_argument("url")
    parser.add_argument("-X", choices=["DELETE"])
    parser.add_argument("-d")
    options = parser.parse_args(arguments)
    if options.url.startswith("https://shop.example/"):
        assert resolve(urlsplit(options.url).path).view_name == "vton:vendor-file"
        return
    assert options.url == "http://127.0.0.1:8765/_sandbox/scenario"
    if options.d:
        Scenario.from_json(json.loads(options.d))


def html(code: str) -> None:
    engines["django"].from_string(code)


def jinja(code: str) -> None:
    Environment(extensions=["django_vton.contrib.jinja2.TryOnExtension"], autoescape=True).from_string(code)


def json_text(code: str) -> None:
    results = json.loads(code)
    if all(set(result) == {"name", "ok", "text"} for result in results):
        source = "".join(
            Path(str(module.__file__)).read_text() for module in (facts, vendor_facts, health_checks)
        )
        assert [it for it in results if f'"{it["name"].partition(".")[0]}' not in source] == []


def ini(code: str) -> None:
    """A systemd unit that starts a command of this project."""
    unit = configparser.ConfigParser(strict=True, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # Names are case-sensitive.
    unit.read_string(code)
    program = unit["Service"]["ExecStart"].partition("/bin/")[2]
    validate_command(program)
    # Also validates the names of the settings. Containers have no systemd.
    if analyze := shutil.which("systemd-analyze"):
        with TemporaryDirectory() as folder:
            file = Path(folder) / "vton.service"
            file.write_text(re.sub(r"/srv/shop(/\S+)?", lambda match: "/bin/true" if match[1] else "/", code))
            run(analyze, "verify", "--man=no", "--recursive-errors=no", file)


def yaml_text(code: str) -> None:
    """Containers that start a command of this project or gunicorn, or a job of Prometheus that reads it."""
    found = yaml.safe_load(code)
    assert found.keys() <= {"services", "scrape_configs"}
    for job in found.get("scrape_configs", []):
        assert resolve(job["metrics_path"]).view_name == "vton:metrics"
    for service in found.get("services", {}).values():
        program = service["command"]
        if not program.startswith("gunicorn "):
            validate_command(program)


def nginx(code: str) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "nginx.conf"
        file.write_text(
            f"pid {folder}/nginx.pid; error_log stderr; events {{}} http {{ access_log off;\n{code}}}\n"
        )
        run(find_tool("nginx"), "-t", "-q", "-p", folder, "-c", file)


def http(code: str) -> None:
    status, *headers = code.splitlines()
    assert re.fullmatch(r"HTTP/1\.1 \d{3} \w+", status)
    assert headers
    assert all(re.fullmatch(r"[A-Z][\w-]+: \S.*", header) for header in headers)


def css(code: str) -> None:
    """Only rules."""
    rule = r"\s*[^{}]+\{(?:\s*[\w-]+:[^;{}]+;)+\s*\}\s*"
    assert re.fullmatch(f"(?:{rule})+", code)


def js(code: str) -> None:
    run(find_tool("node"), "--check", "-", text=code)


def po(code: str) -> None:
    """Messages of the package with other translations."""
    ours = (ROOT / "django_vton" / "locale" / "de" / "LC_MESSAGES" / "django.po").read_text()
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    rest = code.removeprefix(header)
    blocks = rest.split("\n\n")
    entries = re.findall(r'((?:msgctxt "vton"\n)?msgid "[^"]+"\n)msgstr "[^"]+"\n?', rest)
    assert len(entries) == len(blocks) > 0
    assert [entry for entry in entries if entry not in ours] == []


def text(code: str) -> None:
    """Log lines of `lifecycle`."""
    states = {*State.values, "-"}
    source = "\n".join(path.read_text() for path in (ROOT / "django_vton" / "lifecycle").glob("*.py"))
    for line in code.splitlines():
        fields = dict(part.split("=") for part in line.split(" "))
        assert list(fields) == ["try_on", "attempt", "event", "from", "to"]
        uuid.UUID(fields["try_on"])
        assert {fields["from"], fields["to"]} <= states
        assert f'"{fields["event"]}"' in source
        assert len(fields["event"]) <= (TryOnEvent._meta.get_field("name").max_length or 0)


VALIDATORS: dict[str, Callable[[str], None]] = {
    "console": console,
    "css": css,
    "html": html,
    "http": http,
    "ini": ini,
    "jinja": jinja,
    "js": js,
    "json": json_text,
    "nginx": nginx,
    "po": po,
    "python": lambda code: compile(code, "guide", "exec") and None,
    "text": text,
    "yaml": yaml_text,
}
"""Every language of the guides. Python blocks are also run."""


@cache
def tested_texts() -> list[str]:
    """The texts of files that tests run, and that guides may quote."""
    folders = ["tests/hosts", "tests/guides", "tests/further_engines", "example_project"]
    files = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return [path.read_text() for path in files if path.suffix in {".py", ".html"}]


def is_quoted(block: Block) -> bool:
    """Whether the block is quoted literally from a tested file, or from the quickstart."""
    quickstart = blocks_of_page("quickstart", "python") if block.page != "quickstart" else []
    texts = tested_texts() + [other.code for other in quickstart]
    return any(block.code in text for text in texts)
