"""The package's own translations: whole, true to their source, and really shown."""

from __future__ import annotations

import ast
import contextlib
import gettext
import re
import shutil
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command
from django.utils import translation

import django_vton
from django_vton.messages import MESSAGES
from tests.doors import ask, ref

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product

PACKAGE = Path(django_vton.__file__).parent
LANGUAGES = sorted(path.name for path in (PACKAGE / "locale").iterdir())
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")
CONTEXT_ENDS = "\x04"
"""Between a context and its msgid, in compiled catalogues."""


@dataclass
class Entry:
    """One message of a .po file."""

    flags: str = ""
    places: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        context = self.fields.get("msgctxt")
        return self.fields["msgid"] if context is None else context + CONTEXT_ENDS + self.fields["msgid"]

    @property
    def forms(self) -> list[str]:
        return [text for name, text in self.fields.items() if name.startswith("msgstr")]


def read(po: Path) -> dict[str, Entry]:
    """The entries of a catalogue by their msgid; "" is its header."""
    entries: dict[str, Entry] = {}
    for block in po.read_text(encoding="utf-8").split("\n\n"):
        entry, name = Entry(), ""
        for line in block.splitlines():
            if line.startswith("#,"):
                entry.flags += line
            elif line.startswith("#:"):
                entry.places += line.removeprefix("#:")
            elif line and not line.startswith("#"):
                words, quote, text = line.partition('"')
                name = words.strip() or name
                entry.fields[name] = entry.fields.get(name, "") + ast.literal_eval(quote + text)
        if entry.fields:
            assert entry.key not in entries, entry.key
            entries[entry.key] = entry
    return entries


def catalogue(lang: str) -> Path:
    return PACKAGE / "locale" / lang / "LC_MESSAGES" / "django.po"


def compiled(lang: str) -> gettext.GNUTranslations:
    with catalogue(lang).with_suffix(".mo").open("rb") as file:
        return gettext.GNUTranslations(file)


HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"


def catalogue_of(words: dict[str, str]) -> bytes:
    """A compiled catalogue: GNU gettext's manual, "The Format of GNU MO Files"."""
    pairs = [(key.encode() + b"\0", text.encode() + b"\0") for key, text in sorted(words.items())]
    strings = [key for key, _text in pairs] + [text for _key, text in pairs]
    start = 28 + 8 * len(strings)
    tables = b""
    for string in strings:
        tables += struct.pack("<II", len(string) - 1, start)
        start += len(string)
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return head + tables + b"".join(strings)


def test_german_and_arabic_are_there() -> None:
    assert {"de", "ar"} <= set(LANGUAGES)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_message_is_translated_and_none_is_a_guess(lang: str) -> None:
    entries = read(catalogue(lang))
    assert len(entries) > 1
    counts = re.search(r"nplurals=(\d+)", entries[""].fields["msgstr"])
    assert counts is not None
    for key, entry in entries.items():
        assert "fuzzy" not in entry.flags, key
        assert all(text.strip() for text in entry.forms), key
        assert len(entry.forms) == (int(counts[1]) if "msgid_plural" in entry.fields else 1), key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_compiled_catalogue_is_up_to_date(lang: str) -> None:
    entries = read(catalogue(lang))
    expected: dict[str | tuple[str, int], str] = {}
    for key, entry in entries.items():
        if "msgid_plural" in entry.fields:
            expected |= {(key, number): text for number, text in enumerate(entry.forms)}
        else:
            expected[key] = entry.forms[0]
    assert compiled(lang)._catalog == expected  # type: ignore[attr-defined]  # No public way lists it all.


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_placeholder_stands_in_the_translation(lang: str) -> None:
    form_of = compiled(lang).plural  # type: ignore[attr-defined]  # The header's formula, compiled.
    used = [form_of(number) for number in range(200)]
    for key, entry in read(catalogue(lang)).items():
        if not key:
            continue
        wanted = set(PLACEHOLDER.findall(entry.fields.get("msgid_plural", entry.fields["msgid"])))
        for number, text in enumerate(entry.forms):
            found = set(PLACEHOLDER.findall(text))
            # A form for one number alone, "one day" and "two days", can say it in words.
            in_words = "msgid_plural" in entry.fields and used.count(number) == 1
            assert found <= wanted if in_words else found == wanted, (key, text)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Entry]:
    """The messages of the sources."""
    if shutil.which("xgettext") is None:
        pytest.skip("xgettext, of GNU gettext, extracts the messages")
    copy = tmp_path_factory.mktemp("sources") / "package"  # Extracting writes beside the sources.
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "locale", "static"))
    (copy / "locale").mkdir()
    with contextlib.chdir(copy):
        call_command("makemessages", locale=["de"], verbosity=0)
    return read(copy / "locale" / "de" / "LC_MESSAGES" / "django.po")


def test_the_catalogues_hold_the_messages_of_the_sources(used: dict[str, Entry]) -> None:
    assert len(used) > 100
    for lang in LANGUAGES:
        assert set(read(catalogue(lang))) == set(used), f"{lang}: run makemessages and compilemessages"


STAFF = re.compile(
    r"templates/admin/|(admin|batches|management|models|queue)/|"
    r"(apps|intake/merchants|money|notify|pictures|pixazo/engine|states)\.py"
)
"""Where messages are for staff. Everything else is read by shoppers."""


def test_all_that_shoppers_read_has_the_packages_context(used: dict[str, Entry]) -> None:
    """Another package's catalogue, such as Django's own, would answer what has none."""
    without = [
        (entry.fields["msgid"], place)
        for key, entry in used.items()
        for place in entry.places.split()
        if key and entry.fields.get("msgctxt") is None and not STAFF.match(place)
    ]
    assert without == []
    assert {entry.fields.get("msgctxt") for entry in used.values()} == {None, "vton"}


def dialog(client: Client, product: Product, lang: str) -> str:
    response = client.get("/try-on/dialog/", {"product": ref(product), "lang": lang})
    return str(response.content.decode())


@pytest.mark.parametrize(
    ("lang", "sentences"),
    [
        ("de", ["In den Warenkorb", "KI-generierte Vorschau"]),
        ("ar", ["الإضافة إلى السلة", "معاينة مولّدة بالذكاء الاصطناعي"]),
    ],
)
def test_the_dialog_speaks_the_pages_language(
    client: Client, shirt: Product, lang: str, sentences: list[str]
) -> None:
    page = dialog(client, shirt, lang)
    for sentence in sentences:
        assert sentence in page


def shop_catalogue(folder: Path, lang: str, words: dict[str, str]) -> None:
    """A catalogue in the shop's LOCALE_PATHS, of messages in the package's context."""
    (folder / lang / "LC_MESSAGES").mkdir(parents=True)
    keyed = {f"vton{CONTEXT_ENDS}{msgid}": text for msgid, text in words.items()}
    (folder / lang / "LC_MESSAGES" / "django.mo").write_bytes(catalogue_of({"": HEADER} | keyed))


def test_a_shops_own_words_come_before_the_packages(
    client: Client, shirt: Product, settings: Settings, tmp_path: Path
) -> None:
    """In a language that the package has, and in one that the shop has translated."""
    shop_catalogue(tmp_path, "de", {"Add a photo of yourself": "Bild von mir wählen"})
    words = {"English": "Français", "Add a photo of yourself": "Choisissez une photo de vous"}
    shop_catalogue(tmp_path, "fr", words)
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGES = [*settings.LANGUAGES, ("fr", "French")]
    german, french = dialog(client, shirt, "de"), dialog(client, shirt, "fr")
    assert "Bild von mir wählen" in german
    assert "In den Warenkorb" in german
    assert "Choisissez une photo de vous" in french
    assert '<dialog id="dialog" part="dialog" lang="fr" dir="ltr"' in french


def test_a_shops_catalogue_without_its_languages_name_is_not_used_yet(
    client: Client, shirt: Product, settings: Settings, tmp_path: Path
) -> None:
    """Half of it is French: the translators have not said that they are done."""
    shop_catalogue(tmp_path, "fr", {"Add a photo of yourself": "Choisissez une photo de vous"})
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGES = [*settings.LANGUAGES, ("fr", "French")]
    assert dialog(client, shirt, "fr") == dialog(client, shirt, "en")


@pytest.mark.parametrize("lang", ["de", "ar"])
def test_no_english_is_left_in_the_dialog(client: Client, shirt: Product, lang: str) -> None:
    spoken = re.compile(r'(?:>|aria-label="|alt=")\s*([^<>"]*[a-z]{2}[^<>"]*?)\s*[<"]')
    english = set(spoken.findall(dialog(client, shirt, "en"))) - {shirt.name}
    assert len(english) > 50
    assert english.isdisjoint(spoken.findall(dialog(client, shirt, lang)))


def test_the_api_refuses_in_the_shoppers_language(client: Client, shirt: Product) -> None:
    body = ask(client, shirt, headers={"accept-language": "de"}).json()
    assert body["code"] == "photo_required"
    with translation.override("de"):
        assert body["detail"] == MESSAGES["photo_required"]
    assert body["detail"] != "Please add a photo first."
