"""`vton_legal` writes drafts for a lawyer that follow from the settings."""

from __future__ import annotations

import difflib
import io
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

import django_vton
from django_vton.privacy.legal import DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from ..conftest import Vton

ROOT = Path(__file__).parents[2]
NO_TESTS = ("for the lawyer", "Pixazo's documents")
"""Comments after statements that say nothing about the software's behaviour."""

LAWS = {
    "GDPR, Article 30 (1)",
    "GDPR, Article 35",
    "GDPR, Article 28",
    "Biometric Information Privacy Act (BIPA), 740 ILCS 14",
    "EU AI Act, Article 50",
    "European Accessibility Act, Directive (EU) 2019/882; EN 301 549",
}

LIVE = {
    "PIXAZO_BASE_URL": "https://gateway.pixazo.ai",
    "PUBLIC_BASE_URL": "https://shop.example",
    "PIXAZO_API_KEY": "canary-key",
    "NOTIFY_SECRET": "canary-secret-with-32-characters-",
    "CONSENT_TEXT": "I am an adult.",
    "ENQUEUE": None,
    "RESULT_HOSTS": None,
    "WEBHOOKS": True,
    "QUOTA": "10/day",
    "IP_QUOTA": "100/day",
    "IN_FLIGHT": 3,
    "DAILY_BUDGET": Decimal(25),
}


@pytest.fixture
def out(tmp_path: Path, vton: Vton) -> Path:
    """A new folder for the drafts of a live shop."""
    vton(**LIVE)
    return tmp_path / "legal"


def write(folder: Path) -> dict[str, str]:
    """Write the drafts; return their texts by name."""
    printed = run(folder)
    assert "not legal advice" in printed
    return {path.name: path.read_text() for path in folder.iterdir()}


def run(folder: Path) -> str:
    stdout = io.StringIO()
    call_command("vton_legal", out=folder, stdout=stdout)
    return stdout.getvalue()


def statements(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each statement of a draft with the comments behind it; an empty list if there are none."""
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        assert line.count("<!--") == line.count("-->"), line
        comments = re.findall(r"<!-- (.*?) -->", line)
        yield re.sub(r"<!-- .*? -->", "", line).strip(), comments


def exists(test: str) -> bool:
    file, _, name = test.partition("::")
    path = ROOT / file
    return (
        path.is_file() and re.search(rf"^(async )?def {name}\(", path.read_text(), re.MULTILINE) is not None
    )


VARIANTS: list[dict[str, Any]] = [
    {},
    {"MARK": None, "C2PA_CERTIFICATE": "/a.pem", "C2PA_KEY": "/b.pem"},
    {"TRANSCRIPT": True, "MODERATE": "a.b", "CAPTCHA": "a.b", "REVIEW_BY_TWO": True, "WEBHOOKS": False},
    {"RESULT_HOSTS": ["cdn.example"], "QUOTA": None, "IP_QUOTA": None, "DAILY_BUDGET": None},
    {"STORAGE": "remote", "PRIVACY_URL": "https://shop.example/p", "MONTHLY_BUDGET": Decimal(90)},
    {"ENQUEUE": "django_vton.queue.no_queue", "NOTIFY_URL": "https://hooks.example/a", "ENABLED": False},
    {"ENQUEUE": "a.b", "PIXAZO_BASE_URL": "http://127.0.0.1:1"},
]


@pytest.fixture
def remote(settings: Settings) -> None:
    """A remote storage under the alias "remote"."""
    settings.STORAGES = {
        **settings.STORAGES,
        "remote": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }
    assert storages["remote"]


@pytest.mark.usefixtures("remote")
@pytest.mark.parametrize("phone", [True, False])
@pytest.mark.parametrize("changes", VARIANTS, ids=lambda changes: ",".join(changes) or "defaults")
def test_each_statement_about_behaviour_names_an_existing_test(
    out: Path, vton: Vton, changes: dict[str, Any], phone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_vton.privacy.legal.find_spec", lambda _name: object() if phone else None)
    vton(**changes)
    texts = write(out)
    assert set(texts) == {f"{name}.md" for name in DOCUMENTS}
    for name, text in texts.items():
        assert "{" not in text, name
        assert "\n\n\n" not in text, name
        tests = 0
        for statement, comments in statements(text):
            if comments:
                is_single = not re.search(r"[.!?] [A-Z]", re.sub(r'".*"|\*\*.*?\*\*', "", statement))
                assert is_single, statement
            else:
                # A label with a gap for the shop, which is no statement.
                assert re.search(r": \[.+\]$", statement) or statement in LAWS, (name, statement)
            for comment in comments:
                assert comment in NO_TESTS or exists(comment), (name, comment)
                tests += comment not in NO_TESTS
        assert tests >= 5, name


def test_a_draft_begins_with_the_warning(out: Path) -> None:
    for name, text in write(out).items():
        title, _, rest = text.partition("\n")
        assert title.startswith("# "), name
        first = next(line for line in rest.splitlines() if line.startswith(">"))
        assert first.startswith("> **Draft for a lawyer, not legal advice.**"), name
        assert django_vton.__version__ in first
        assert text.index(first) < text.index("\n## "), name


CHANGES: list[tuple[dict[str, Any], set[str], set[str]]] = [
    (
        {"PHOTO_RETENTION": timedelta(hours=6)},
        {"asked to keep is deleted 24 hours", "or 24 hours after it"},
        {"asked to keep is deleted 6 hours", "or 6 hours after it"},
    ),
    (
        {"RESULT_RETENTION": timedelta(days=7)},
        {"preview is deleted 30 days", "consents 30 days"},
        {"preview is deleted 7 days", "consents 7 days"},
    ),
    ({"CONSENT_VERSION": "2026-05"}, {"version 1:"}, {"version 2026-05:"}),
    ({"CONSENT_TEXT": "I am 18."}, {'"I am an adult."'}, {'"I am 18."'}),
    ({"TRANSCRIPT": True}, {"Pixazo is not kept"}, {"is kept for 7 days, without photos"}),
    (
        {"MODERATE": "shop.hooks.is_allowed"},
        {"does not check what an uploaded photo shows", "does not estimate anyone's age"},
        {"passes the shop's own check", "own check can refuse"},
    ),
    ({"WEBHOOKS": False}, {"can report the end"}, {"reports nothing to the shop"}),
    ({"RESULT_HOSTS": ["cdn.example"]}, {"any public address"}, {"these hosts only: cdn.example."}),
    ({"QUOTA": "1/hour"}, {"At most 10 images per day"}, {"At most 1 image per hour"}),
    ({"QUOTA": None}, {"At most 10 images per day"}, {"renders for one shopper is not limited"}),
    ({"IP_QUOTA": None}, {"At most 100 images per day"}, {"renders for one network address is not limited"}),
    ({"IN_FLIGHT": 1}, {"At most 3 try-ons"}, {"At most 1 try-on of"}),
    ({"DAILY_BUDGET": Decimal("7.50")}, {"day cost at most 25 USD"}, {"day cost at most 7.50 USD"}),
    ({"DAILY_BUDGET": None}, {"day cost at most 25 USD"}, {"cost of all renders is not limited"}),
    ({"MONTHLY_BUDGET": Decimal(90)}, set(), {"month cost at most 90 USD"}),
    (
        {"STORAGE": "remote"},
        {"files of the shop's server"},
        {"remote storage (`InMemoryStorage`)", "Company that runs the storage"},
    ),
    ({"PRIVACY_URL": "https://shop.example/p"}, {"links to that page"}, {"policy at https://shop.example/p"}),
    ({"MARK": None}, {"have a visible mark"}, {"have no visible mark"}),
    (
        {"C2PA_CERTIFICATE": "/canary/a.pem", "C2PA_KEY": "/canary/b.pem"},
        {"no signed C2PA manifest"},
        {"is signed with a C2PA manifest"},
    ),
    ({"REVIEW_BY_TWO": True}, {"after 1 member of the staff"}, {"after 2 members of the staff"}),
    ({"ENQUEUE": "django_vton.queue.no_queue"}, {"task of the queue deletes"}, {"The worker deletes"}),
    ({"ENQUEUE": "shop.queues.call"}, {"task of the queue deletes"}, {"Schedule of the deletion"}),
    ({"ENABLED": False}, set(), {"accepts no photo now"}),
    ({"PIXAZO_BASE_URL": "https://eu.pixazo.example"}, {"gateway.pixazo.ai"}, {"eu.pixazo.example"}),
    ({"PIXAZO_BASE_URL": "http://127.0.0.1:1"}, {"gateway.pixazo.ai"}, {"use a sandbox", "127.0.0.1"}),
    (
        {"CAPTCHA": "shop.hooks.is_human"},
        set(),
        {"needs a solved captcha", "runs the captcha", "captcha is not part of", "## Others"},
    ),
    (
        {"NOTIFY_URL": "https://hooks.example/services/canary-path"},
        set(),
        {"`hooks.example` gets a signed message", "Company behind it", "## Others"},
    ),
]


@pytest.mark.usefixtures("remote")
@pytest.mark.parametrize(
    ("changes", "before", "after"), CHANGES, ids=[",".join(map(str, change[0].items())) for change in CHANGES]
)
def test_a_setting_changes_exactly_its_statements(
    out: Path, vton: Vton, changes: dict[str, Any], before: set[str], after: set[str]
) -> None:
    old = write(out)
    vton(**changes)
    new = write(out.with_name("changed"))
    lines = [line for name in old for line in difflib.ndiff(old[name].splitlines(), new[name].splitlines())]
    for sign, fragments in (("- ", before), ("+ ", after)):
        changed = [line for line in lines if line.startswith(sign) and line.strip() != sign.strip()]
        assert {line for line in changed if not any(each in line for each in fragments)} == set()
        assert {each for each in fragments if not any(each in line for line in changed)} == set()


def test_the_default_consent_text_makes_a_statement_about_adults(out: Path, vton: Vton) -> None:
    assert "check that your consent text asks for adults only" in write(out)["impact-assessment.md"]
    vton(CONSENT_TEXT=django_vton.conf.DEFAULT_CONSENT_TEXT)
    text = write(out.with_name("default"))["impact-assessment.md"]
    assert "The text says that everyone in the photo is an adult." in text
    assert "check that your consent text" not in text


def test_the_drafts_are_english_in_any_language(out: Path, settings: Settings) -> None:
    english = write(out)
    settings.LANGUAGE_CODE = "de"
    assert write(out.with_name("german")) == english


def test_no_secret_and_no_path_is_written(out: Path, vton: Vton, settings: Settings) -> None:
    vton(
        NOTIFY_URL="https://user:canary@hooks.example/services/canary-path?canary",
        CAPTCHA="shop.canary.is_human",
        MODERATE="shop.canary.is_allowed",
        RESULT_HOSTS=["cdn.example"],
        NOTIFY=["canary@shop.example"],
    )
    settings.SECRET_KEY = "canary"
    for name, text in write(out).items():
        assert "canary" not in text, name
        assert str(settings.MEDIA_ROOT) not in text, name


def test_an_edited_file_is_kept_and_its_differences_are_printed(out: Path, vton: Vton) -> None:
    write(out)
    notice = out / "ai-notice.md"
    notice.write_text(notice.read_text().replace("Questions: [contact]", "Questions: mia@shop.example"))
    (out / "processors.md").unlink()
    vton(REVIEW_BY_TWO=True)
    printed = run(out)
    assert "mia@shop.example" in notice.read_text()
    assert "after 2 members" not in notice.read_text()
    assert f"{notice}: not changed, but a new draft would differ:" in printed
    assert "-> Questions: mia@shop.example" in printed
    assert "+- A render is published after 2 members of the staff" in printed
    assert f"{out / 'processors.md'}: written" in printed
    assert f"{out / 'record-of-processing.md'}: unchanged" in printed


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("file", "File exists"),
        ("missing parent", "No such file or directory"),
        ("folder as a draft", "Is a directory"),
        ("not text", "not text in UTF-8"),
    ],
)
def test_a_folder_that_cannot_be_used_is_explained(out: Path, kind: str, reason: str) -> None:
    folder = out
    if kind == "file":
        out.write_text("")
    elif kind == "missing parent":
        folder = out / "a" / "b"
    else:
        out.mkdir()
        draft = out / "ai-notice.md"
        draft.mkdir() if kind == "folder as a draft" else draft.write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError) as error:
        run(folder)
    assert str(error.value).startswith(f"The drafts cannot be written to {folder}: ")
    assert reason in str(error.value)
