"""The OpenAPI document is valid, complete and true, and the API does not need drf-spectacular."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from django.urls import reverse

from django_vton.messages import MESSAGES
from tests.tryons import TRY_ONS, complete_tryon, create_tryon, get_start, post_tryon
from tests.web.api.openapi_document import ROUTES, document

if TYPE_CHECKING:
    from django.test import Client

    from django_vton.models import PersonPhoto
    from shop.models import Product
    from tests.conftest import PhotoMaker

ROOT = Path(__file__).resolve().parents[3]


def check(response: Any, name: str) -> Any:
    """Validate the body against a component, which allows no other fields. Return the body."""
    schema = {"$ref": f"#/components/schemas/Vton{name}", "components": document()["components"]}
    checker = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    checker.validate(response.json())
    return response.json()


def test_the_schema_is_openapi_3_1_and_describes_every_method_of_every_view() -> None:
    assert document()["openapi"] == "3.1.0"
    paths = document()["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert described == set(ROUTES)
    operations = [operation for methods in paths.values() for operation in methods.values()]
    assert len({it["operationId"] for it in operations}) == len(operations) == 15
    for operation in operations:
        for status, answer in operation["responses"].items():
            assert answer["description"], (operation["operationId"], status)
        # Generated clients would require credentials, and offer one content type only.
        assert "security" not in operation
        assert len(operation.get("requestBody", {"content": [1]})["content"]) == 1


def test_writes_require_the_csrf_token_and_every_error_code_is_described() -> None:
    codes = set()
    for methods in document()["paths"].values():
        for method, operation in methods.items():
            headers = [it["name"] for it in operation["parameters"] if it["in"] == "header"]
            assert ("X-Csrftoken" in headers) == (method != "get")
            for answer in operation["responses"].values():
                for content in answer.get("content", {}).values():
                    codes |= {each["value"]["code"] for each in content.get("examples", {}).values()}
    # No described request can cause it.
    assert set(MESSAGES) - codes == {"method_not_allowed"}


@pytest.mark.django_db
def test_real_responses_validate_against_the_schema(
    guest: Client,
    shirt: Product,
    house_model: PersonPhoto,  # noqa: ARG001 - it is listed
    phone_photo: PhotoMaker,
) -> None:
    assert check(get_start(guest, shirt), "Start")["latest"] is None
    assert (
        check(post_tryon(guest, shirt, phone_photo(), consent="false"), "Error")["code"] == "consent_required"
    )
    row = create_tryon(guest, shirt, phone_photo(), keep_photo="true", options='{"num_samples": 2}')
    running = check(guest.get(f"{TRY_ONS}{row.pk}/"), "TryOn")
    assert (running["status"], running["finished_at"]) == ("queued", None)
    complete_tryon(row, images=2)
    done = check(guest.get(f"{TRY_ONS}{row.pk}/"), "TryOn")
    assert (done["status"], len(done["images"]), done["error"]) == ("completed", 2, None)
    assert len(check(guest.get(TRY_ONS), "TryOnPage")["results"]) == 1
    photos = check(guest.get(reverse("vton:photos")), "Photos")
    assert [len(photos["photos"]), len(photos["house_models"])] == [1, 1]
    assert check(get_start(guest, shirt), "Start")["latest"]["id"] == done["id"]
    failed = create_tryon(guest, shirt, phone_photo(shade=2))
    type(failed).objects.filter(pk=failed.pk).update(state="failed", error_code="no_person")
    assert check(guest.get(f"{TRY_ONS}{failed.pk}/"), "TryOn")["error"]["code"] == "no_person"
    assert check(guest.get(reverse("vton:me")), "Export")["shopper"]


@pytest.mark.django_db
def test_the_example_shop_serves_the_schema_as_json_and_as_a_page(guest: Client) -> None:
    assert guest.get(reverse("schema")).json() == document()
    page = guest.get(reverse("api")).content.decode()
    assert all(f"<code>{method} {path}</code>" in page for method, path in ROUTES)
    assert reverse("schema") in page
    assert "<script" not in page.partition("<main")[2]


RUN_WITHOUT_DRF_SPECTACULAR = """
import sys

sys.modules["drf_spectacular"] = None
from tests import settings

settings.INSTALLED_APPS.remove("drf_spectacular")
settings.ROOT_URLCONF = "tests.web.api.urls_without_schema"
import pytest

options = ["-q", "-p", "no:cacheprovider", "-p", "no:schemathesis"]
sys.exit(pytest.main([*options, "tests/web/api/test_tryons.py"]))
"""


def test_the_api_works_without_drf_spectacular() -> None:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'example_project'}"}
    environment.pop("MEDIA_ROOT", None)
    done = subprocess.run(
        [sys.executable, "-c", RUN_WITHOUT_DRF_SPECTACULAR],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
