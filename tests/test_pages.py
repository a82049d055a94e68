"""The flow without JavaScript, as a browser walks it: every assertion is about an answer to HTTP."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from django_vton import images
from django_vton.models import Attempt, Consent, PauseSwitch, PersonPhoto, PumpSlot, Shopper, TryOnRequest
from django_vton.pages.mine import PER_PAGE
from django_vton.sentences import RENDER_SENTENCES, SENTENCES, duration
from django_vton.states import State
from tests.doors import content, make_product, ref, render, submit, upload

if TYPE_CHECKING:
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db

HISTORY = "/try-on/mine/"
PRIVACY = "/try-on/privacy/"


def form_of(product: Product) -> str:
    return reverse("vton:try", args=[ref(product)])


def order(client: Client, product: Product, photo: bytes | None = None, **fields: Any) -> Any:
    """Post the form as a browser would that knows its fields."""
    body: dict[str, Any] = {"key": str(uuid4()), "photo_id": "", "consent": "on"} | fields
    if photo is not None:
        body["photo"] = upload(photo)
    return client.post(form_of(product), {name: value for name, value in body.items() if value is not None})


def ordered(client: Client, product: Product, photo: bytes | None = None, **fields: Any) -> TryOnRequest:
    response = order(client, product, photo, **fields)
    assert response.status_code == 303, text(response)
    return TryOnRequest.objects.get(pk=response["Location"].rstrip("/").rpartition("/")[2])


def page_of(row: TryOnRequest) -> str:
    return reverse("vton:result", args=[row.pk])


def act(client: Client, address: str, action: str, **fields: str) -> Any:
    return client.post(address, {"action": action} | fields)


def text(response: Any) -> str:
    return str(response.content.decode())


def says(response: Any, code: str) -> bool:
    sentence = SENTENCES.get(code) or RENDER_SENTENCES[code]
    return escape(str(sentence)) in text(response)


def hidden(html: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]+)"', html)
    assert found, html
    return found[1]


def nothing_is_stored() -> bool:
    return not any(model.objects.exists() for model in (TryOnRequest, Attempt, Shopper, Consent))


# What holds for all pages ---------------------------------------------------------------------------


def test_no_page_is_indexed_or_stored(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = ordered(guest, shirt, phone_photo())
    answers = {
        "form": guest.get(form_of(shirt)),
        "form of nothing": guest.get(form_of(shirt) + "1/"),
        "unknown product": guest.get(reverse("vton:try", args=["shop.product:0"])),
        "refused": order(guest, shirt),
        "accepted": order(guest, shirt, phone_photo(shade=1)),
        "result": guest.get(page_of(row)),
        "nobody's": guest.get(reverse("vton:result", args=[uuid4()])),
        "confirm": guest.get(page_of(row) + "?confirm=delete"),
        "history": guest.get(HISTORY),
        "policy": guest.get(PRIVACY),
        "method": guest.put(PRIVACY),
        "forged": Client(enforce_csrf_checks=True).post(HISTORY),
    }
    del answers["form of nothing"]  # Not an address of ours.
    for name, response in answers.items():
        assert response["Cache-Control"] == "no-store", name
        assert response["X-Robots-Tag"] == "noindex", name
        assert response["X-Frame-Options"] == "SAMEORIGIN", name
        if response.content and name != "method":
            assert '<meta name="robots" content="noindex">' in text(response), name


def test_the_pages_need_nothing_inline(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = render(ordered(guest, shirt, phone_photo(), keep_photo="on"))
    for address in (form_of(shirt), page_of(row), HISTORY, PRIVACY):
        assert not re.search(
            r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", text(guest.get(address))
        )


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_language_and_direction(guest: Client, shirt: Product, language: str, direction: str) -> None:
    html = text(guest.get(form_of(shirt), headers={"Accept-Language": language}))
    assert f'<html lang="{language}" dir="{direction}">' in html


def test_looking_sets_only_the_csrf_cookie(guest: Client, shirt: Product, house_model: PersonPhoto) -> None:
    for address in (form_of(shirt), HISTORY, PRIVACY, f"{form_of(shirt)}?photo={house_model.pk}"):
        guest.get(address)
    assert set(guest.cookies) == {"csrftoken"}
    assert nothing_is_stored()


def test_every_form_holds_without_the_middleware(
    settings: Settings, shirt: Product, phone_photo: PhotoMaker
) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "csrf" not in name]
    browser = Client(enforce_csrf_checks=True)
    refused = order(browser, shirt, phone_photo())
    assert refused.status_code == 403
    assert says(refused, "csrf_failed")
    assert nothing_is_stored()

    html = text(browser.get(form_of(shirt)))
    token, key = hidden(html, "csrfmiddlewaretoken"), hidden(html, "key")
    row = ordered(browser, shirt, phone_photo(), key=key, csrfmiddlewaretoken=token)
    assert act(browser, page_of(row), "cancel").status_code == 403
    token = hidden(text(browser.get(page_of(row))), "csrfmiddlewaretoken")
    assert act(browser, page_of(row), "cancel", csrfmiddlewaretoken=token).status_code == 303


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_charset_breaks_nothing(guest: Client, shirt: Product, method: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="consent"\r\n\r\non\r\n--x--\r\n'
    kind = "multipart/form-data; boundary=x; charset=base64"
    status = guest.generic(method, form_of(shirt), body, kind).status_code
    assert status == {"GET": 200, "POST": 400}[method]


# The form -------------------------------------------------------------------------------------------


def test_the_form_offers_what_there_is(
    guest: Client, shirt: Product, glasses: Product, house_model: PersonPhoto
) -> None:
    response = guest.get(form_of(shirt))
    html = text(response)
    assert response.status_code == 200
    assert 'type="file" name="photo"' in html
    assert "capture" not in html
    assert str(house_model.pk) in html
    assert 'name="option_num_samples"' in html
    assert re.search(r'name="consent"[^>]*>', html)
    assert not re.search(r'name="(consent|keep_photo)"[^>]*checked', html)
    assert "24 hours" in html
    assert "Try-ons left for now: 10" in html
    assert "arms at your sides" in html

    html = text(guest.get(form_of(glasses)))
    assert str(house_model.pk) not in html
    assert "No glasses on" in html
    assert 'name="option_num_samples"' not in html


def test_an_accepted_photo_brings_the_session_and_the_result(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = ordered(guest, shirt, phone_photo(), keep_photo="on", option_num_samples="3")
    assert "sessionid" in guest.cookies
    assert row.options["num_samples"] == 3
    assert row.photo is not None
    assert row.photo.keep
    assert Consent.objects.get().locale == "en"
    assert guest.get(page_of(row)).status_code == 200

    html = text(guest.get(form_of(shirt)))
    assert 'name="consent"' not in html
    assert str(row.photo.pk) in html
    assert order(guest, shirt, photo_id=str(row.photo.pk), consent=None).status_code == 303


def test_a_house_model_needs_no_consent(guest: Client, shirt: Product, house_model: PersonPhoto) -> None:
    row = ordered(guest, shirt, photo_id=str(house_model.pk), consent=None)
    assert row.photo == house_model
    assert not Consent.objects.exists()


@pytest.mark.parametrize(
    ("code", "field", "photo", "fields"),
    [
        ("photo_required", "id_photo", None, {}),
        ("consent_required", "id_consent", "good", {"consent": None}),
        ("photo_format", "id_photo", "letter", {}),
        ("photo_unreadable", "id_photo", "half", {}),
        ("photo_unreadable", "id_photo", "empty", {}),
        ("photo_too_small", "id_photo", "small", {}),
        ("photo_gone", "id_photo_id", None, {"photo_id": str(uuid4())}),
        ("photo_gone", "id_photo_id", None, {"photo_id": "\0"}),
        ("photo_refused", "id_photo", "good", {}),
        ("options_invalid", "id_option_num_samples", "good", {"option_num_samples": "99"}),
        ("captcha_required", "", "good", {}),
    ],
)
def test_a_refusal_is_told_where_it_helps(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    vton: Vton,
    code: str,
    field: str,
    photo: str | None,
    fields: dict[str, Any],
) -> None:
    good = phone_photo()
    files = {
        "letter": b"Dear diary, " * 100,
        "half": good[:3000],
        "small": phone_photo(200, 200),
        "empty": b"",
    }
    vton(
        MODERATE="tests.test_pages.refuse" if code == "photo_refused" else None,
        CAPTCHA="tests.test_pages.refuse" if code == "captcha_required" else None,
    )
    response = order(guest, shirt, None if photo is None else files.get(photo, good), **fields)
    html = text(response)

    assert response.status_code == 400
    assert 'role="alert"' in html
    if photo not in {
        "letter",
        "half",
        "small",
        "empty",
    }:  # There the sentence has more to say than the code's.
        assert says(response, code)
    if field:
        assert f'<a href="#{field}">' in html
        assert f'id="{field}"' in html
        assert f'id="{field}_error"' in html
    assert ("has to be chosen again" in html) == (photo is not None)
    assert nothing_is_stored()
    assert not PersonPhoto.objects.exists()
    assert "sessionid" not in guest.cookies


def refuse(*_args: Any) -> bool:
    return False


def test_too_large_a_photo_fills_no_disk(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    response = order(guest, shirt, phone_photo() + bytes(images.MAX_BYTES))
    assert response.status_code == 413
    assert says(response, "photo_too_large")
    assert not response.wsgi_request.FILES
    assert nothing_is_stored()


def test_a_file_beside_a_stored_photo_is_asked_about(
    guest: Client, shirt: Product, house_model: PersonPhoto, phone_photo: PhotoMaker
) -> None:
    response = order(guest, shirt, phone_photo(), photo_id=str(house_model.pk))
    assert response.status_code == 400
    assert "Two photos were chosen" in text(response)
    assert nothing_is_stored()


def test_a_refused_form_keeps_what_was_chosen(
    guest: Client, shirt: Product, house_model: PersonPhoto, vton: Vton
) -> None:
    vton(QUOTA="0/day")
    response = order(
        guest, shirt, photo_id=str(house_model.pk), option_num_samples="4", keep_photo="on", consent="on"
    )
    html = text(response)
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert says(response, "quota_exceeded")
    assert re.search(rf'value="{house_model.pk}"\s+checked', html)
    assert '<option value="4" selected>' in html
    assert re.search(r'name="keep_photo"[^>]*checked', html)
    assert re.search(r'name="consent"[^>]*checked', html)
    assert "has to be chosen again" not in html


@pytest.mark.parametrize(
    ("code", "looking", "sending"),
    [
        ("paused", 503, 503),
        ("not_configured", 503, 503),
        ("unavailable", 503, 503),
        ("budget_exhausted", 503, 429),
        ("product_not_enabled", 404, 400),
        ("product_unknown", 404, 404),
    ],
)
def test_a_closed_door_says_so_before_and_after(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    vton: Vton,
    code: str,
    looking: int,
    sending: int,
) -> None:
    match code:
        case "paused":
            PauseSwitch.objects.create(is_paused=True)
        case "not_configured":
            vton(PIXAZO_API_KEY="")
        case "unavailable":
            PumpSlot.objects.create(number=1, seen_at=timezone.now() - timedelta(hours=1))
        case "budget_exhausted":
            vton(DAILY_BUDGET=Decimal(0))
        case "product_not_enabled":
            type(shirt).objects.update(is_public=False)
        case "product_unknown":
            shirt.pk = 0
    page, refused = guest.get(form_of(shirt)), order(guest, shirt, phone_photo())
    assert (page.status_code, refused.status_code) == (looking, sending)
    assert says(page, code)
    assert says(refused, code)
    assert (shirt.name in refused.content.decode()) == (
        code not in {"product_not_enabled", "product_unknown"}
    )
    if looking == 503:
        assert int(page["Retry-After"]) > 0
        assert int(refused["Retry-After"]) > 0
    assert nothing_is_stored()


def test_off_is_a_closed_door_too(guest: Client, shirt: Product, vton: Vton) -> None:
    vton(ENABLED=False)
    assert guest.get(form_of(shirt)).status_code == 503


def test_the_limit_of_running_ones(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(IN_FLIGHT=1)
    ordered(guest, shirt, phone_photo())
    response = order(guest, shirt, phone_photo(shade=1))
    assert response.status_code == 429
    assert says(response, "in_flight_limit")
    assert TryOnRequest.objects.count() == 1


# Clicking twice -------------------------------------------------------------------------------------


def test_a_second_click_pays_nothing(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    key = hidden(text(guest.get(form_of(shirt))), "key")
    first = order(guest, shirt, phone_photo(), key=key)
    assert order(guest, shirt, phone_photo(), key=key)["Location"] == first["Location"]
    assert Attempt.objects.count() == 1

    changed = order(guest, shirt, phone_photo(shade=1), key=key)
    assert changed.status_code == 409
    assert says(changed, "idempotency_conflict")
    assert hidden(text(changed), "key") != key


def test_a_new_guests_second_click_leaves_before_the_session_comes(
    shirt: Product, phone_photo: PhotoMaker
) -> None:
    browser = Client(enforce_csrf_checks=True)
    html = text(browser.get(form_of(shirt)))
    fields = {name: hidden(html, name) for name in ("key", "csrfmiddlewaretoken")}
    before = SimpleCookie(browser.cookies.output(header=""))
    first = order(browser, shirt, phone_photo(), **fields)
    browser.cookies = before
    browser.cookies["csrftoken"] = before["csrftoken"].value
    second = order(browser, shirt, phone_photo(), **fields)

    assert first["Location"] == second["Location"]
    assert (Attempt.objects.count(), Shopper.objects.count()) == (1, 1)
    assert browser.get(second["Location"]).status_code == 200


def test_the_same_key_of_another_browser_is_another_guest(shirt: Product, phone_photo: PhotoMaker) -> None:
    key = str(uuid4())
    rows = set()
    for _ in range(2):
        browser = Client(enforce_csrf_checks=True)
        token = hidden(text(browser.get(form_of(shirt))), "csrfmiddlewaretoken")
        rows.add(ordered(browser, shirt, phone_photo(), key=key, csrfmiddlewaretoken=token).pk)
    assert len(rows) == Shopper.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 500, "no uuid", "\0"])
def test_a_broken_key_is_no_key(guest: Client, shirt: Product, phone_photo: PhotoMaker, key: str) -> None:
    assert ordered(guest, shirt, phone_photo(), key=key).idempotency_key is None


# The result -----------------------------------------------------------------------------------------


@pytest.fixture
def row(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    return ordered(guest, shirt, phone_photo())


@pytest.mark.parametrize("query", ["", "?auto=1", "?confirm=delete"])
def test_somebody_elses_was_never_there(
    guest: Client, stranger: Client, row: TryOnRequest, shirt: Product, phone_photo: PhotoMaker, query: str
) -> None:
    render(row)
    ordered(stranger, shirt, phone_photo(shade=7))
    for other in (stranger, Client()):
        response = other.get(page_of(row) + query)
        assert response.status_code == 404
        assert says(response, "not_found")
        for action in ("cancel", "like", "delete"):
            assert act(other, page_of(row), action).status_code == 404
    row.refresh_from_db()
    assert (row.state, row.feedback, row.erased_at) == (State.COMPLETED, "", None)
    assert guest.get(page_of(row)).status_code == 200


def test_a_shared_render_of_nobody_has_no_page(
    guest: Client, shirt: Product, house_model: PersonPhoto
) -> None:
    mine = ordered(guest, shirt, photo_id=str(house_model.pk))
    assert mine.source is not None
    assert guest.get(page_of(mine.source)).status_code == 404


def test_it_checks_by_itself_only_where_asked(guest: Client, row: TryOnRequest) -> None:
    plain, auto = guest.get(page_of(row)), guest.get(page_of(row) + "?auto=1")
    assert "Refresh" not in plain
    assert "http-equiv" not in text(plain)
    assert "?auto=1" in text(plain)
    assert auto["Refresh"] == "5"
    assert "Stop checking" in text(auto)
    assert "<progress" in text(plain)
    render(row)
    assert "Refresh" not in guest.get(page_of(row) + "?auto=1")


def test_what_it_is_waiting_for(guest: Client, row: TryOnRequest) -> None:
    assert "waits for its turn" in text(guest.get(page_of(row)))
    submit(row)
    html = text(guest.get(page_of(row)))
    assert "is being made" in html
    assert "still counts" in html
    TryOnRequest.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert "longer than usual" in text(guest.get(page_of(row)))


def test_cancel(guest: Client, row: TryOnRequest) -> None:
    assert act(guest, page_of(row), "cancel")["Location"] == page_of(row)
    html = text(guest.get(page_of(row)))
    assert "was canceled" in html
    assert "It was not counted." in html
    assert f"?photo={row.photo_id}" in html
    again = act(guest, page_of(row), "cancel")
    assert again.status_code == 409
    assert says(again, "not_cancelable")


def test_the_pictures(guest: Client, row: TryOnRequest) -> None:
    render(row, pictures=2)
    html = text(guest.get(page_of(row)))
    for picture in row.pictures:
        addresses = re.findall(rf'(?:href|src)="([^"]*{picture.pk}[^"]*)"', html)
        assert len(addresses) == 3  # The picture, itself a link to it, and the download.
        for address in addresses:
            assert content(guest.get(address))
    assert html.count("AI-generated preview</span>") == 2
    assert html.count('alt="AI-generated preview: Shirt on your photo"') == 2
    assert row.photo is not None
    assert reverse("vton:photo-file", args=[row.photo.pk]) in html
    assert 'href="/products/shirt/"' in html

    row.photo.delete()
    assert "as it was" not in text(guest.get(page_of(row)))


def test_feedback(guest: Client, row: TryOnRequest) -> None:
    assert act(guest, page_of(row), "like").status_code == 400  # There is nothing to like yet.
    render(row)
    for action, expected in [("like", "like"), ("dislike", "dislike"), ("dislike", "")]:
        assert act(guest, page_of(row), action).status_code == 303
        row.refresh_from_db()
        assert row.feedback == expected
        assert text(guest.get(page_of(row))).count('aria-pressed="true"') == bool(expected)


def test_delete_asks_first(guest: Client, row: TryOnRequest) -> None:
    render(row)
    question = guest.get(page_of(row) + "?confirm=delete")
    assert 'name="action" value="delete"' in text(question)
    assert TryOnRequest.objects.get().erased_at is None

    done = act(guest, page_of(row), "delete")
    assert done["Location"].startswith(HISTORY)
    assert "The try-on is deleted." in text(guest.get(done["Location"]))
    assert guest.get(page_of(row)).status_code == 404
    assert not PersonPhoto.objects.exists()


@pytest.mark.parametrize("code", sorted(RENDER_SENTENCES))
@pytest.mark.parametrize("counted", [True, False])
def test_why_it_failed_and_what_to_try(guest: Client, row: TryOnRequest, code: str, *, counted: bool) -> None:
    # The rows as the lifecycle leaves them, which has tests of its own.
    fields: dict[str, Any] = {"state": State.FAILED, "error_code": code, "finished_at": timezone.now()}
    TryOnRequest.objects.filter(pk=row.pk).update(**fields, **({} if counted else {"counted_in": []}))
    response = guest.get(page_of(row))
    assert says(response, code)
    assert ("It counted as one" in text(response)) == counted
    assert ("It was not counted" in text(response)) != counted
    with_same_photo = f"{form_of_ref(row)}?photo={row.photo_id}"
    assert (with_same_photo in text(response)) == (code in {"vendor", "deadline", "outcome_unknown"})
    assert (form_of_ref(row) in text(response)) == (code != "product_image")
    if with_same_photo in text(response):
        assert re.search(rf'value="{row.photo_id}"\s+checked', text(guest.get(with_same_photo)))


def form_of_ref(row: TryOnRequest) -> str:
    return reverse("vton:try", args=[row.product])


def test_nobodys_photo_is_offered(
    guest: Client, stranger: Client, row: TryOnRequest, shirt: Product, phone_photo: PhotoMaker
) -> None:
    ordered(stranger, shirt, phone_photo(shade=9))
    photo = str(row.photo_id)
    for other in (stranger, Client()):
        assert f'value="{photo}"' not in text(other.get(f"{form_of(shirt)}?photo={photo}"))
        assert says(order(other, shirt, photo_id=photo), "photo_gone")
    assert f'value="{photo}"' in text(guest.get(f"{form_of(shirt)}?photo={photo}"))
    assert f'value="{photo}"' not in text(guest.get(form_of(shirt)))  # It was not to be kept.


# The history and the policy -------------------------------------------------------------------------


def test_an_empty_history_is_friendly(guest: Client) -> None:
    html = text(guest.get(HISTORY))
    assert "There is nothing here yet" in html
    assert "<form" not in html.partition('class="vton-page"')[2]


def test_the_history_is_newest_first_and_mine(
    guest: Client, stranger: Client, row: TryOnRequest, glasses: Product, phone_photo: PhotoMaker
) -> None:
    later = render(ordered(guest, glasses, phone_photo()))
    other = ordered(stranger, glasses, phone_photo(shade=2))
    html = text(guest.get(HISTORY))
    assert html.index(page_of(later)) < html.index(page_of(row))
    assert page_of(other) not in html
    assert reverse("vton:image", args=[later.pictures[0].pk]) in html
    assert 'href="/products/glasses/"' in html


def test_the_history_has_pages(guest: Client, row: TryOnRequest, django_assert_max_num_queries: Any) -> None:
    for _ in range(PER_PAGE + 1):
        TryOnRequest.objects.create(shopper=row.shopper, product=row.product, engine=row.engine)
    with django_assert_max_num_queries(15):
        first = text(guest.get(HISTORY))
    second = text(guest.get(HISTORY, {"page": "2"}))
    assert first.count('class="vton-entry"') == PER_PAGE
    assert second.count('class="vton-entry"') == 2
    assert page_of(row) in second
    assert '?page=2"' in first
    assert '?page=1"' in second
    assert guest.get(HISTORY, {"page": "9" * 5000}).status_code == 200


def test_whoever_has_data_may_take_it_along(guest: Client, row: TryOnRequest) -> None:
    link = re.search(r'href="([^"]+)" download="[\w-]+\.json">Download my data', text(guest.get(HISTORY)))
    assert link is not None
    assert str(row.pk) in text(guest.get(link[1]))
    assert "Download my data" not in text(Client().get(HISTORY))


def test_erase_everything(guest: Client, stranger: Client, row: TryOnRequest) -> None:
    assert "Delete everything?" in text(guest.get(HISTORY + "?confirm=erase"))
    assert Shopper.objects.exists()
    assert act(stranger, HISTORY, "erase").status_code == 303
    assert Shopper.objects.exists()

    done = guest.post(HISTORY, {"action": "erase"}, follow=True)
    assert "Everything of yours is deleted." in text(done)
    assert "There is nothing here yet" in text(done)
    assert not Shopper.objects.exists()
    assert not PersonPhoto.objects.exists()
    assert "vton_shopper" not in guest.session
    assert guest.get(page_of(row)).status_code == 404


def test_withdraw_the_consent(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = render(ordered(guest, shirt, phone_photo(), keep_photo="on"))
    assert "?confirm=withdraw" in text(guest.get(HISTORY))
    done = guest.post(HISTORY, {"action": "withdraw"}, follow=True)
    assert "Your consent is taken back" in text(done)
    assert "?confirm=withdraw" not in text(done)
    assert not PersonPhoto.objects.exists()
    assert guest.get(page_of(row)).status_code == 200
    assert 'name="consent"' in text(guest.get(form_of(shirt)))


def test_forget_one_photo(guest: Client, stranger: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    rows = [ordered(guest, shirt, phone_photo(shade=shade), keep_photo="on") for shade in (1, 2)]
    ordered(stranger, shirt, phone_photo(shade=3))
    photo = str(rows[0].photo_id)
    act(stranger, HISTORY, "forget", photo=photo)
    assert PersonPhoto.objects.count() == 3
    assert photo in text(guest.get(HISTORY))
    done = guest.post(HISTORY, {"action": "forget", "photo": photo}, follow=True)
    assert photo not in text(done)
    assert PersonPhoto.objects.count() == 2


@pytest.mark.parametrize("address", [HISTORY, "result"])
def test_an_unknown_action_does_nothing(guest: Client, row: TryOnRequest, address: str) -> None:
    response = act(guest, page_of(row) if address == "result" else address, "explode")
    assert response.status_code == 400
    assert TryOnRequest.objects.active().count() == 1


def test_the_policy_speaks_of_the_settings(guest: Client, vton: Vton) -> None:
    vton(
        PHOTO_RETENTION=timedelta(hours=36),
        RESULT_RETENTION=timedelta(days=7),
        CONSENT_VERSION="v-7",
        CONSENT_TEXT="I <agree>",
        PRIVACY_URL="https://shop.example/privacy",
    )
    html = text(guest.get(PRIVACY))
    for words in ("36 hours", "7 days", "v-7", "I &lt;agree&gt;", "Pixazo", "https://shop.example/privacy"):
        assert words in html


def test_the_forms_policy_is_the_shops_own(guest: Client, shirt: Product, vton: Vton) -> None:
    assert f'<a href="{PRIVACY}">What happens' in text(guest.get(form_of(shirt)))
    vton(PRIVACY_URL="https://shop.example/privacy")
    assert '<a href="https://shop.example/privacy">What happens' in text(guest.get(form_of(shirt)))


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=24), "24 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(hours=60), "60 hours"),
    ],
)
def test_lengths_in_words(length: timedelta, words: str) -> None:
    assert duration(length) == words


def test_a_shops_own_frame(guest: Client, settings: Settings, shirt: Product, tmp_path: Any) -> None:
    frame = tmp_path / "vton" / "pages" / "base.html"
    frame.parent.mkdir(parents=True)
    frame.write_text(
        '{% extends "shop/base.html" %}'
        "{% block title %}{% block vton_title %}{% endblock %}{% endblock %}"
        "{% block main %}{% block vton_head %}{% endblock %}"
        "{% block vton_content %}{% endblock %}{% endblock %}"
    )
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path]}]
    html = text(guest.get(form_of(shirt)))
    assert 'class="brand"' in html
    assert 'class="vton-page"' in html
    assert "vton/pages.css" in html
    assert "<title>Try it on: Shirt" in html


def test_a_product_of_another_kind_is_not_tried_on(guest: Client, db: None) -> None:  # noqa: ARG001
    assert guest.get(form_of(make_product("tote", "accessory"))).status_code == 404
