"""Test the built wheel on each Python, Django and database, without the source tree: `make matrix`.

A single combination: `make matrix ARGS="--session 'tests(3.12-6.1)'"`. Arguments after `--` go to pytest
instead of the tests of the session. A Python that is not installed is skipped; in CI it is an error.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "no"
nox.options.download_python = "never"

# All Pythons of pyenv, including those that are not activated here.
PYENV = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
os.environ["PATH"] = os.pathsep.join([*map(str, PYENV.glob("versions/*/bin")), os.environ["PATH"]])

SUPPORTED = {
    "3.11": ["5.2"],
    "3.12": ["5.2", "6.0", "6.1"],
    "3.13": ["5.2", "6.0", "6.1"],
    "3.14": ["5.2", "6.0", "6.1"],
}
"""Each Python with the Djangos that support it."""

OLDEST, NEWEST = "3.11", "3.13"

SQLITE = ""
POSTGRESQL = os.environ.get("MATRIX_POSTGRESQL", "postgres://postgres@127.0.0.1:5432/vton_matrix")
# The database of the URL must exist; the tests create another one next to it. Empty, PostgreSQL is left out.
DATABASES = sorted({SQLITE, POSTGRESQL})
DIST = os.environ.get("DIST", "")
"""A folder with a built wheel, so that the wheel that is published is the one that was tested."""

MARIADB = os.environ.get("MATRIX_MARIADB", "mysql://root@127.0.0.1:3306/vton_matrix")

ALL_TESTS = ["tests", "-m", "not browser", "--ignore=tests/faults"]
HTTP_TESTS = [
    f"tests/{name}" for name in ("gateway", "hostile_gateway", "lifecycle", "pixazo", "transcripts", "worker")
]
QUICK_TESTS = [
    *(f"tests/test_{name}.py" for name in ("locale", "templatetags")),
    "tests/management/test_commands.py",
    "tests/web/test_dialog.py",
    "tests/web/pages",
    *(f"tests/web/api/test_{name}.py" for name in ("create", "end_to_end", "start", "tryons")),
]


def install(session: nox.Session, *args: str, group: str = "test") -> None:
    """Install the wheel, and change to a folder with the tests but without the package."""
    session.env["PYTHONPATH"] = None
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder)
    dist = Path(DIST).resolve() if DIST else folder / "dist"
    if not DIST:
        # Built from the source distribution, so that files of earlier builds in build/ stay out of the wheel.
        session.run_install("uv", "build", "--quiet", "--out-dir", str(dist), external=True)
    (wheel,) = dist.glob("*.whl")
    session.install("--group", group, f"{wheel}[heic,schema,tasks]", *args)
    for name in ("benchmarks", "docs", "example_project", "examples", "tests"):
        shutil.copytree(
            name,
            folder / name,
            ignore=shutil.ignore_patterns("__pycache__", "_build", "node_modules", "results", "var"),
        )
    (folder / "example_project" / "var").mkdir()  # Since Django 6.1, `check` opens the database in it.
    shutil.copy("pyproject.toml", folder)
    session.chdir(folder)
    session.run("python", "-c", "import django_vton; assert 'site-packages' in django_vton.__file__")


def test(session: nox.Session, database: str, *args: str) -> None:
    """Run the tests on a database, except those that need the source tree."""
    env = {"DATABASE_URL": database} if database else {}
    parallel = [f"--numprocesses={os.environ.get('WORKERS', '2')}", "--dist=loadfile"]
    ignored = [f"--ignore=tests/{name}" for name in ("guides", "package", "test_docs.py")]
    session.run("python", "-m", "pytest", *ignored, *parallel, *(session.posargs or args), env=env)


@nox.session
@nox.parametrize(
    ("python", "django"),
    [
        nox.param(python, django, id=f"{python}-{django}")
        for python, djangos in SUPPORTED.items()
        for django in djangos
    ],
)
def tests(session: nox.Session, django: str) -> None:
    """A Python and a Django, with the newest versions of everything else."""
    install(session, f"django~={django}.0")
    for database in DATABASES:
        test(session, database, *ALL_TESTS)


@nox.session(python=OLDEST)
def lowest(session: nox.Session) -> None:
    """The lowest versions that pyproject.toml allows."""
    # As requirements of pyproject.toml they are direct; those of the wheel would be the newest.
    extras = ("--extra", "heic", "--extra", "schema", "--extra", "tasks")
    install(session, "--resolution", "lowest-direct", "--requirements", "pyproject.toml", *extras)
    for database in DATABASES:
        test(session, database, *ALL_TESTS)


@nox.session(python=NEWEST)
def httpx2(session: nox.Session) -> None:
    """The HTTP client's successor, in what calls the vendor."""
    install(session, "httpx2")
    test(session, SQLITE, "-p", "tests.use_httpx2", *HTTP_TESTS)


@nox.session(python=NEWEST)
def mariadb(session: nox.Session) -> None:
    """MariaDB with the newest versions. Its client is compiled: install libmariadb-dev and a C compiler."""
    install(session, "mysqlclient")
    test(session, MARIADB, *ALL_TESTS)


@nox.session(python=OLDEST, default=False)
def wheel(session: nox.Session) -> None:
    """A selection for CI, and a type check of a shop's code."""
    install(session, group="dev")
    session.run("mypy", "tests/typing/api.py")
    test(session, SQLITE, *QUICK_TESTS)


@nox.session(python=OLDEST, default=False)
def pyright(session: nox.Session) -> None:
    """A type check of the same code. Of fields, django-stubs knows the types only with mypy's plugin."""
    install(session, "basedpyright", "django-types", "djangorestframework-types", group="example")
    session.run("basedpyright", "--project", "tests/typing")
