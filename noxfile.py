"""Python x Django x database against the built wheel, with the source tree's package gone: `make matrix`.

One cell: `make matrix ARGS="--session 'tests(3.12-6.1)'"`. What follows a `--` goes to pytest.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "no"
nox.options.error_on_missing_interpreters = True
nox.options.download_python = "never"

# pyenv's Pythons, also those that it has not switched on here.
PYENV = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
os.environ["PATH"] = os.pathsep.join([*map(str, PYENV.glob("versions/*/bin")), os.environ["PATH"]])

TOGETHER = {
    "3.11": ["5.2"],
    "3.12": ["5.2", "6.0", "6.1"],
    "3.13": ["5.2", "6.0", "6.1"],
}
"""Pythons, each with the Djangos that run on it."""

OLDEST, NEWEST = "3.11", "3.13"

# Servers, each with a database that is there already: the tests make another beside it.
DATABASES = {
    "SQLite": "",
    "PostgreSQL": os.environ.get("MATRIX_POSTGRESQL", "postgres://postgres@127.0.0.1:5432/vton_matrix"),
}
DIST = os.environ.get("DIST", "")
"""A folder with a wheel that is there already: what was tested is what is published."""

MARIADB = os.environ.get("MATRIX_MARIADB", "mysql://root@127.0.0.1:3306/vton_matrix")

WHOLE = ["tests", "-m", "not browser", "--ignore=tests/faults"]
QUICK = [
    *(f"tests/test_{name}.py" for name in ("locale", "templatetags")),
    "tests/management/test_commands.py",
    "tests/web/test_dialog.py",
    "tests/web/pages",
    *(f"tests/web/api/test_{name}.py" for name in ("asking", "flow", "start", "tryons")),
]


def install(session: nox.Session, *args: str, group: str = "test") -> None:
    """The wheel in a new environment, and a folder to run in that has the tests and no package."""
    session.env["PYTHONPATH"] = None
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder)
    built = Path(DIST).resolve() if DIST else folder / "dist"
    if not DIST:
        # By way of the source distribution: what an earlier build left in build/ stays out of the wheel.
        session.run_install("uv", "build", "--quiet", "--out-dir", str(built), external=True)
    (wheel,) = built.glob("*.whl")
    session.install("--group", group, f"{wheel}[heic,schema,tasks]", *args)
    for name in ("benchmarks", "docs", "example_project", "tests"):
        shutil.copytree(
            name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "_build", "results", "var")
        )
    (folder / "example_project" / "var").mkdir()  # Since 6.1 Django's `check` opens the database in it.
    shutil.copy("pyproject.toml", folder)
    session.chdir(folder)
    session.run("python", "-c", "import django_vton; assert 'site-packages' in django_vton.__file__")


def test(session: nox.Session, database: str, *args: str) -> None:
    """The tests on a database; those of the package's building and of the docs need its source."""
    env = {"DATABASE_URL": database} if database else {}
    parallel = [f"--numprocesses={os.environ.get('WORKERS', '2')}", "--dist=loadfile"]
    ignored = [f"--ignore=tests/{name}" for name in ("guides", "package", "test_docs.py")]
    session.run("pytest", *ignored, *parallel, *args, *session.posargs, env=env)


@nox.session
@nox.parametrize(
    ("python", "django"),
    [
        nox.param(python, django, id=f"{python}-{django}")
        for python, djangos in TOGETHER.items()
        for django in djangos
    ],
)
def tests(session: nox.Session, django: str) -> None:
    """A Python and a Django with the newest of all else."""
    install(session, f"django~={django}.0")
    for database in DATABASES.values():
        test(session, database, *WHOLE)


@nox.session(python=OLDEST)
def lowest(session: nox.Session) -> None:
    """The lowest version that pyproject.toml allows of everything it names."""
    install(session, "--resolution", "lowest-direct")
    for database in DATABASES.values():
        test(session, database, *WHOLE)


@nox.session(python=NEWEST)
def mariadb(session: nox.Session) -> None:
    """Once, on the newest of everything. Its client is compiled: Debian's libmariadb-dev and a C compiler."""
    install(session, "mysqlclient")
    test(session, MARIADB, *WHOLE)


@nox.session(python=OLDEST, default=False)
def wheel(session: nox.Session) -> None:
    """What CI has time for; and what the package tells a shop's type checker."""
    install(session, group="dev")
    session.run("mypy", "tests/typing/api.py")
    test(session, "", *QUICK)
