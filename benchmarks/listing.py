"""A list page and polls in one shop: the child of `page`, told how many products and how many rounds."""

from __future__ import annotations

import json
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from django.test import Client

PICTURE = '<img src="{{ it.photo.url }}" alt="">'
CARD = f'<li><a href="{{{{ it.get_absolute_url }}}}">{PICTURE}{{{{ it.name }}}}</a> {{{{ it.price }}}}'


def listing(products: int, rounds: int) -> dict[str, Any]:
    """The list with the buttons and without, in turns: seconds of each, and queries of the first."""
    from django.db import connection
    from django.template import engines
    from django.test.utils import CaptureQueriesContext
    from django.utils import translation

    from shop.models import Kind, Product

    translation.activate("en")
    shown = [
        Product(pk=n, name=f"Linen shirt {n}", slug=f"shirt-{n}", kind=Kind.TOP, photo=f"{n}.jpg", price=89)
        for n in range(1, products + 1)
    ]
    lists = {
        name: engines["django"].from_string(
            f"{{% load vton %}}<ul>{{% for it in shown %}}{CARD}{tag}</li>{{% endfor %}}</ul>"
        )
        for name, tag in (("with", "{% tryon it %}"), ("without", ""))
    }
    times: dict[str, list[float]] = {name: [] for name in lists}
    for turn in range(rounds + 1):
        for name, template in lists.items():
            began = time.process_time()
            html = template.render({"shown": shown})
            if turn:
                times[name].append(time.process_time() - began)
            assert html.count("</vton-try-on>") == (products if name == "with" else 0)
    with CaptureQueriesContext(connection) as queries:
        lists["with"].render({"shown": shown})
    return {name: median(taken) for name, taken in times.items()} | {"queries": len(queries)}


def polls() -> dict[str, int]:
    """Queries of a poll that brings nothing new, by who polls and where the shop keeps sessions."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client, override_settings
    from django.test.utils import CaptureQueriesContext

    from django_vton.models import TryOnRequest
    from shop.models import Kind
    from tests.doors import TRY_ONS, ask, make_product, render
    from tests.running import phone_photo

    shirt = make_product("shirt", Kind.TOP)

    def count(client: Client) -> list[str]:
        accepted = ask(client, shirt, phone_photo(600, 800))
        assert accepted.status_code == 202, accepted.content
        render(TryOnRequest.objects.get(pk=accepted.json()["id"]))
        address = f"{TRY_ONS}{accepted.json()['id']}/"
        etag = client.get(address)["ETag"]
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address, headers={"If-None-Match": etag}).status_code == 304
        return [str(query["sql"]) for query in queries.captured_queries]

    guest, user = Client(), Client()
    user.force_login(User.objects.create_user("mia"))
    by_guest = count(guest)
    found = {
        "own": sum("vton_" in sql for sql in by_guest),
        "guest, session in the database": len(by_guest),
        "user, session in the database": len(count(user)),
    }
    with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"):
        found["guest, session in a cookie or cache"] = len(count(Client()))
    return found


def main() -> None:
    """Both, as one line of JSON."""
    django.setup()
    print(json.dumps(listing(int(sys.argv[1]), int(sys.argv[2])) | {"polls": polls()}))


if __name__ == "__main__":
    main()
