"""Compare the whole request with a minimal view, in one shop: the child process of `intake`.

Arguments: the path of the photo and the number of rounds.
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


def minimal_view() -> Any:
    """A view that normalizes a photo as ours does and writes the files, and does nothing else."""
    from rest_framework.parsers import MultiPartParser
    from rest_framework.response import Response
    from rest_framework.views import APIView

    from django_vton import images
    from django_vton.intake import save_photo_files
    from django_vton.models import PersonPhoto

    class MinimalView(APIView):
        authentication_classes = ()
        permission_classes = ()
        parser_classes = (MultiPartParser,)

        def post(self, request: Any) -> Response:
            row = PersonPhoto()
            save_photo_files(row, images.normalize_person_photo(request.FILES["photo"].file))
            return Response({"digest": row.digest}, status=202)

    return MinimalView.as_view()


def main() -> None:
    """Call both in turn, and print the median seconds of each as JSON."""
    django.setup()
    from django.test import Client
    from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
    from django.urls import path

    from config import urls
    from shop.models import Kind
    from tests.tryons import TRY_ONS, make_product, product_ref

    urls.urlpatterns.insert(0, path("minimal/", minimal_view()))
    shirt = make_product("shirt", Kind.TOP)
    upload = io.BytesIO(Path(sys.argv[1]).read_bytes())
    upload.name = "IMG_0001.JPG"
    body = encode_multipart(BOUNDARY, {"product": product_ref(shirt), "consent": "true", "photo": upload})

    def post(url: str) -> Callable[[], None]:
        def send() -> None:
            response = Client().generic("POST", url, body, MULTIPART_CONTENT)
            assert response.status_code == 202, response.content

        return send

    tasks = {"whole": post(TRY_ONS), "minimal": post("/minimal/")}
    clocks = {"processor": time.process_time, "clock": time.perf_counter}
    times: dict[str, dict[str, list[float]]] = {task: {name: [] for name in clocks} for task in tasks}
    for turn in range(int(sys.argv[2]) + 1):
        for task, send in tasks.items():
            began = {name: clock() for name, clock in clocks.items()}
            send()
            if turn:
                for name, clock in clocks.items():
                    times[task][name].append(clock() - began[name])
    print(json.dumps({task: {name: median(of) for name, of in by.items()} for task, by in times.items()}))


if __name__ == "__main__":
    main()
