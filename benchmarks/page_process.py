"""A product list and polls, as the child process of `page`. Arguments: numbers of products and rounds."""

from __future__ import annotations

import json
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from django.test import Client

IMAGE = '<img src="{{ it.photo.url }}" alt="">'
CARD = f'<li><a href="{{{{ it.get_absolute_url }}}}">{IMAGE}{{{{ it.name }}}}</a> {{{{ it.price }}}}'


def product_list(products: int, rounds: int) -> dict[str, Any]:
    """Render the list with and without buttons in turn: the seconds of each, and the queries with buttons."""
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
    return {name: median(values) for name, values in times.items()} | {"queries": len(queries)}


def polls() -> dict[str, int]:
    """The number of queries of a poll without changes, by kind of shopper and session engine."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client, override_settings
    from django.test.utils import CaptureQueriesContext

    from django_vton.models import TryOnRequest
    from shop.models import Kind
    from tests.live_shop import phone_photo
    from tests.tryons import TRY_ONS, complete_tryon, make_product, post_tryon

    shirt = make_product("shirt", Kind.TOP)

    def poll_queries(client: Client) -> list[str]:
        accepted = post_tryon(client, shirt, phone_photo(600, 800))
        assert accepted.status_code == 202, accepted.content
        complete_tryon(TryOnRequest.objects.get(pk=accepted.json()["id"]))
        url = f"{TRY_ONS}{accepted.json()['id']}/"
        etag = client.get(url)["ETag"]
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
        return [str(query["sql"]) for query in queries.captured_queries]

    guest, user = Client(), Client()
    user.force_login(User.objects.create_user("mia"))
    guest_queries = poll_queries(guest)
    counts = {
        "own": sum("vton_" in sql for sql in guest_queries),
        "guest, session in the database": len(guest_queries),
        "user, session in the database": len(poll_queries(user)),
    }
    with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"):
        counts["guest, session in a cookie or cache"] = len(poll_queries(Client()))
    return counts


def main() -> None:
    """Print both as one line of JSON."""
    django.setup()
    print(json.dumps(product_list(int(sys.argv[1]), int(sys.argv[2])) | {"polls": polls()}))


if __name__ == "__main__":
    main()
