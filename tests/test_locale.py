"""The package's translations: complete, up to date and in use."""

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
from django.utils.translation import npgettext, to_language, to_locale

import django_vton
from django_vton.images.visible_mark import can_draw
from django_vton.kinds import KINDS
from django_vton.marks import mark_text
from django_vton.messages import MESSAGES
from tests.tryons import post_tryon, product_ref

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product

PACKAGE = Path(django_vton.__file__).parent
LANGUAGES = sorted(to_language(path.name) for path in (PACKAGE / "locale").iterdir())
STAFF_LANGUAGES = {"ar", "de"}
"""The other catalogues have only the messages for shoppers."""
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")
CONTEXT_SEPARATOR = "\x04"
"""Separates a context from its msgid in compiled catalogues."""


@dataclass
class Entry:
    """A message of a .po file."""

    flags: str = ""
    places: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        context = self.fields.get("msgctxt")
        return self.fields["msgid"] if context is None else context + CONTEXT_SEPARATOR + self.fields["msgid"]

    @property
    def forms(self) -> list[str]:
        return [text for name, text in self.fields.items() if name.startswith("msgstr")]


def read_catalogue(po: Path) -> dict[str, Entry]:
    """Return the entries of a catalogue by context and msgid; "" is the header."""
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


def catalogue_path(lang: str) -> Path:
    return PACKAGE / "locale" / to_locale(lang) / "LC_MESSAGES" / "django.po"


def load_compiled(lang: str) -> gettext.GNUTranslations:
    with catalogue_path(lang).with_suffix(".mo").open("rb") as file:
        return gettext.GNUTranslations(file)


CATALOGUE_HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"


def compile_messages(messages: dict[str, str]) -> bytes:
    """Return a compiled catalogue, as in GNU gettext's manual, "The Format of GNU MO Files"."""
    pairs = [(key.encode() + b"\0", text.encode() + b"\0") for key, text in sorted(messages.items())]
    strings = [key for key, _text in pairs] + [text for _key, text in pairs]
    start = 28 + 8 * len(strings)
    tables = b""
    for string in strings:
        tables += struct.pack("<II", len(string) - 1, start)
        start += len(string)
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return head + tables + b"".join(strings)


def test_these_languages_are_available() -> None:
    assert {"ar", "de", "es", "fr", "it", "nl", "pl", "pt", "pt-br"} <= set(LANGUAGES)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_message_is_translated_and_none_is_fuzzy(lang: str) -> None:
    entries = read_catalogue(catalogue_path(lang))
    assert len(entries) > 1
    counts = re.search(r"nplurals=(\d+)", entries[""].fields["msgstr"])
    assert counts is not None
    for key, entry in entries.items():
        assert "fuzzy" not in entry.flags, key
        assert all(text.strip() for text in entry.forms), key
        assert len(entry.forms) == (int(counts[1]) if "msgid_plural" in entry.fields else 1), key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_compiled_catalogue_is_up_to_date(lang: str) -> None:
    entries = read_catalogue(catalogue_path(lang))
    expected: dict[str | tuple[str, int], str] = {}
    for key, entry in entries.items():
        if "msgid_plural" in entry.fields:
            expected |= {(key, number): text for number, text in enumerate(entry.forms)}
        else:
            expected[key] = entry.forms[0]
    assert load_compiled(lang)._catalog == expected  # type: ignore[attr-defined]  # No public API lists all messages.


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_translation_has_the_placeholders_of_its_message(lang: str) -> None:
    plural_form = load_compiled(lang).plural  # type: ignore[attr-defined]  # The compiled formula of the header.
    used = [plural_form(number) for number in range(200)]
    for key, entry in read_catalogue(catalogue_path(lang)).items():
        if not key:
            continue
        expected = set(PLACEHOLDER.findall(entry.fields.get("msgid_plural", entry.fields["msgid"])))
        for number, text in enumerate(entry.forms):
            found = set(PLACEHOLDER.findall(text))
            # A plural form for a single number, such as "one day", may spell the number out.
            in_words = "msgid_plural" in entry.fields and used.count(number) == 1
            assert found <= expected if in_words else found == expected, (key, text)


@pytest.fixture(scope="module")
def source_messages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Entry]:
    """The messages that xgettext extracts from the sources."""
    if shutil.which("xgettext") is None:
        pytest.skip("xgettext is not installed: apt-get install gettext")
    copy = tmp_path_factory.mktemp("sources") / "package"  # makemessages writes next to the sources.
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "locale", "static"))
    (copy / "locale").mkdir()
    with contextlib.chdir(copy):
        call_command("makemessages", locale=["de"], verbosity=0)
    return read_catalogue(copy / "locale" / "de" / "LC_MESSAGES" / "django.po")


def test_the_catalogues_contain_exactly_the_messages_of_the_sources(
    source_messages: dict[str, Entry],
) -> None:
    assert len(source_messages) > 100
    for_shoppers = {
        key for key, entry in source_messages.items() if not key or entry.fields.get("msgctxt") == "vton"
    }
    for lang in LANGUAGES:
        expected = set(source_messages) if lang in STAFF_LANGUAGES else for_shoppers
        assert set(read_catalogue(catalogue_path(lang))) == expected, f"{lang}: run make messages"


STAFF_MESSAGES = re.compile(
    r"templates/admin/|(admin|batches|contrib|health|management|models|queue)/|"
    r"(apps|gateway/circuit_breaker|intake/merchants|intake/product_checks|intake/product_files|intake/product_images|monitoring/mail|pixazo/(engine|option)|utils/money)\.py"
)
"""Files whose messages are for staff. All other messages are for shoppers."""


def test_all_messages_for_shoppers_have_the_packages_context(source_messages: dict[str, Entry]) -> None:
    """With another or none, another catalogue such as Django's could translate them differently."""
    with_another = [
        (entry.fields["msgid"], place)
        for key, entry in source_messages.items()
        for place in entry.places.split()
        if key and entry.fields.get("msgctxt") != "vton" and not STAFF_MESSAGES.match(place)
    ]
    labels_for_staff = {(str(kind.label), "kinds.py") for kind in KINDS.values()}
    assert {(text, place.partition(":")[0]) for text, place in with_another} == labels_for_staff


def dialog(client: Client, product: Product, lang: str) -> str:
    response = client.get("/try-on/dialog/", {"product": product_ref(product), "lang": lang})
    return str(response.content.decode())


@pytest.mark.parametrize(
    ("lang", "texts"),
    [
        ("de", ["In den Warenkorb", "KI-generierte Vorschau"]),
        ("ar", ["الإضافة إلى السلة", "معاينة مولّدة بالذكاء الاصطناعي"]),
        ("fr-ca", ["Ajouter au panier", "Aperçu généré par IA"]),
        ("pt", ["Escolher outra foto", "Pré-visualização gerada por IA"]),
        ("pt-br", ["Salvar", "Prévia gerada por IA"]),
    ],
)
def test_the_dialog_is_translated(client: Client, shirt: Product, lang: str, texts: list[str]) -> None:
    page = dialog(client, shirt, lang)
    for text in texts:
        assert text in page


def write_shop_catalogue(folder: Path, lang: str, messages: dict[str, str]) -> None:
    """Write a catalogue of the shop, with messages in the package's context."""
    (folder / lang / "LC_MESSAGES").mkdir(parents=True)
    keyed = {f"vton{CONTEXT_SEPARATOR}{msgid}": text for msgid, text in messages.items()}
    (folder / lang / "LC_MESSAGES" / "django.mo").write_bytes(
        compile_messages({"": CATALOGUE_HEADER} | keyed)
    )


def test_a_shops_catalogue_overrides_the_packages(
    client: Client, shirt: Product, settings: Settings, tmp_path: Path
) -> None:
    """In a language of the package, and in one that only the shop has translated."""
    write_shop_catalogue(tmp_path, "de", {"Add a photo of yourself": "Bild von mir wählen"})
    swedish_messages = {"English": "Svenska", "Add a photo of yourself": "Välj ett foto på dig"}
    write_shop_catalogue(tmp_path, "sv", swedish_messages)
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGES = [*settings.LANGUAGES, ("sv", "Swedish")]
    german, swedish = dialog(client, shirt, "de"), dialog(client, shirt, "sv")
    assert "Bild von mir wählen" in german
    assert "In den Warenkorb" in german
    assert "Välj ett foto på dig" in swedish
    assert '<dialog id="dialog" part="dialog" lang="sv" dir="ltr"' in swedish


def test_a_shops_catalogue_without_its_languages_name_is_not_used(
    client: Client, shirt: Product, settings: Settings, tmp_path: Path
) -> None:
    """Translating the language's name declares that the translation is complete."""
    write_shop_catalogue(tmp_path, "sv", {"Add a photo of yourself": "Välj ett foto på dig"})
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGES = [*settings.LANGUAGES, ("sv", "Swedish")]
    assert dialog(client, shirt, "sv") == dialog(client, shirt, "en")


@pytest.mark.parametrize("lang", [lang for lang in LANGUAGES if lang != "ar"])
def test_the_mark_on_images_can_be_drawn(lang: str) -> None:
    """Pillow's own font has no letters with accents. The Arabic mark is "AI"."""
    assert can_draw(mark_text(lang))


SAME_IN_ENGLISH = {"Preview {number}", "Privacy", "Zoom"}
"""Texts that are right in another language too."""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_translated_dialog_contains_no_english_text(client: Client, shirt: Product, lang: str) -> None:
    texts = re.compile(r'(?:>|aria-label="|alt=")\s*([^<>"]*[a-z]{2}[^<>"]*?)\s*[<"]')
    english = set(texts.findall(dialog(client, shirt, "en"))) - {shirt.name}
    assert len(english) > 50
    translated = set(texts.findall(dialog(client, shirt, lang)))
    assert english & translated <= SAME_IN_ENGLISH


POLISH_TRY_ONS_LEFT = {
    "Pozostała {} przymiarka": [1],
    "Pozostały {} przymiarki": [2, 3, 22, 102],
    "Pozostało {} przymiarek": [0, 5, 11, 12, 100, 101],
}
ARABIC_DAYS = {
    "{} يوم": [0, 100, 101, 102],
    "يوم واحد": [1],
    "يومين": [2],
    "{} أيام": [3, 5],
    "{} يومًا": [11, 12, 22],
}


@pytest.mark.parametrize(
    ("lang", "message", "expected"),
    [
        ("pl", ("%(count)s try-on left", "%(count)s try-ons left"), POLISH_TRY_ONS_LEFT),
        ("ar", ("%(count)d day", "%(count)d days"), ARABIC_DAYS),
    ],
    ids=["pl", "ar"],
)
def test_counts_have_the_right_plural(
    lang: str, message: tuple[str, str], expected: dict[str, list[int]]
) -> None:
    with translation.override(lang):
        for text, counts in expected.items():
            for count in counts:
                assert npgettext("vton", *message, count) % {"count": count} == text.format(count)


def test_the_api_refuses_in_the_requested_language(client: Client, shirt: Product) -> None:
    body = post_tryon(client, shirt, headers={"accept-language": "de"}).json()
    assert body["code"] == "photo_required"
    with translation.override("de"):
        assert body["detail"] == MESSAGES["photo_required"]
    assert body["detail"] != "Please add a photo first."
