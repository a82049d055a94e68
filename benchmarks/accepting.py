"""The whole request beside its bare intake, in one shop: the child of `intake`.

Its arguments are the photo and how many rounds.
"""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from collections.abc import Callable


def bare() -> Any:
    """A view that takes a photo as ours does, writes the sanitised file and its thumbnail, and no more."""
    from rest_framework.parsers import MultiPartParser
    from rest_framework.response import Response
    from rest_framework.views import APIView

    from django_vton import images
    from django_vton.intake import fill_photo
    from django_vton.models import PersonPhoto

    class Bare(APIView):
        authentication_classes = ()
        permission_classes = ()
        parser_classes = (MultiPartParser,)

        def post(self, request: Any) -> Response:
            row = PersonPhoto()
            fill_photo(row, images.person_photo(request.FILES["photo"].file))
            return Response({"digest": row.digest}, status=202)

    return Bare.as_view()


def main() -> None:
    """Take turns, and print the middle of the seconds of each."""
    django.setup()
    from django.test import Client
    from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
    from django.urls import path

    from config import urls
    from shop.models import Kind
    from tests.doors import TRY_ONS, make_product, ref

    urls.urlpatterns.insert(0, path("bare/", bare()))
    shirt = make_product("shirt", Kind.TOP)
    upload = io.BytesIO(Path(sys.argv[1]).read_bytes())
    upload.name = "IMG_0001.JPG"
    body = encode_multipart(BOUNDARY, {"product": ref(shirt), "consent": "true", "photo": upload})

    def post(address: str) -> Callable[[], None]:
        def ask() -> None:
            response = Client().generic("POST", address, body, MULTIPART_CONTENT)
            assert response.status_code == 202, response.content

        return ask

    tasks = {"whole": post(TRY_ONS), "bare": post("/bare/")}
    clocks = {"processor": time.process_time, "clock": time.perf_counter}
    times: dict[str, dict[str, list[float]]] = {task: {name: [] for name in clocks} for task in tasks}
    for turn in range(int(sys.argv[2]) + 1):
        for task, ask in tasks.items():
            began = {name: clock() for name, clock in clocks.items()}
            ask()
            if turn:
                for name, clock in clocks.items():
                    times[task][name].append(clock() - began[name])
    print(json.dumps({task: {name: median(of) for name, of in by.items()} for task, by in times.items()}))


if __name__ == "__main__":
    main()
