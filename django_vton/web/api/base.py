"""The base class of the API's views. It uses nothing from the shop's `REST_FRAMEWORK` setting."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import SAFE_METHODS, AllowAny
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from ...exceptions import Refused
from ...models import Shopper, TryOnRequest
from ...shoppers import Visitor
from ...utils import database, languages
from .. import uploads
from ..sessions import require_session
from .errors import exception_handler


class SessionAuthentication(BaseAuthentication):
    """Authenticates as the user that Django's own middleware found, or as an anonymous one.

    DRF's own class checks the CSRF token only for logged-in users, while `ApiView` checks it for everyone.
    """

    def authenticate(self, request: Request) -> tuple[Any, None]:
        """Always return a user. Otherwise DRF would set its `UNAUTHENTICATED_USER` on the shop's request."""
        return getattr(request._request, "user", None) or AnonymousUser(), None


class StrictJSONParser(JSONParser):
    """Parses JSON in UTF-8, -16 or -32, detected from the bytes. The charset in the header is ignored."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the value. Raise `ParseError` if the body is not JSON or is nested too deeply for Python."""
        try:
            return json.loads(_read_limited(stream))
        except (ValueError, RecursionError):
            raise ParseError from None


class StrictFormParser(FormParser):
    """Parses a form without files, in UTF-8."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the fields."""
        return QueryDict(_read_limited(stream), encoding="utf-8")


class AsciiJSONRenderer(JSONRenderer):
    """Renders JSON in ASCII, so that any text from a request can be encoded when it is sent back."""

    ensure_ascii = True
    compact = True
    strict = True


class JSONOnlyNegotiation(DefaultContentNegotiation):
    """Always selects JSON, whatever the `Accept` header, a suffix or a query parameter requests."""

    def select_renderer(
        self, request: Any, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the first renderer."""
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


def _schema() -> Any:
    """Return the description for drf-spectacular, or None if the shop has not installed it."""
    if not apps.is_installed("drf_spectacular"):
        return None
    from .openapi import ApiSchema

    return ApiSchema()


class ApiView(APIView):
    """Checks the session and the CSRF token, and responds with JSON in the language of `?lang=`."""

    authentication_classes = (SessionAuthentication,)
    permission_classes = (AllowAny,)
    parser_classes = (StrictJSONParser, MultiPartParser, StrictFormParser)
    renderer_classes = (AsciiJSONRenderer,)
    content_negotiation_class = JSONOnlyNegotiation
    throttle_classes = ()
    versioning_class = None
    metadata_class = None
    schema = _schema()
    http_method_names = ["get", "head", "post", "put", "delete"]

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return a view that needs no login and ignores `ATOMIC_REQUESTS`."""
        view = sensitive_post_parameters()(super().as_view(**initkwargs))
        return login_not_required(database.non_atomic_requests(view))

    def get_exception_handler(self) -> Callable[..., Any]:
        """Return this package's handler instead of the shop's."""
        return exception_handler

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Respond in one language, without caching, since the responses are personal."""
        if request.encoding not in (None, "utf-8"):
            # A client may name a codec that is not a text encoding, which would also break the query.
            request.encoding = "utf-8"
        with languages.override_interface_language(languages.requested_language(request)) as language:
            response = super().dispatch(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Content-Language", language)
        return response

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Limit the upload before anything reads it."""
        uploads.limit_uploads(request)
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the length of the body and, for unsafe methods, the CSRF token and the session."""
        super().initial(request, *args, **kwargs)
        uploads.check_content_length(request._request)
        if request.method not in SAFE_METHODS:
            check = CSRFCheck(lambda _request: None)  # type: ignore[arg-type] # never called
            check.process_request(request._request)
            if check.process_view(request._request, None, (), {}):  # type: ignore[arg-type] # as DRF does
                raise Refused("csrf_failed")
            require_session(request._request)

    @property
    def visitor(self) -> Visitor:
        """The visitor who sent this request."""
        return Visitor.from_request(self.request._request)

    @property
    def shopper(self) -> Shopper | None:
        """The visitor's `Shopper`, or None."""
        return self.visitor.find_shopper()

    def get_tryon(self, pk: UUID) -> TryOnRequest:
        """Return a try-on, in one query. Raise `Http404` if the visitor may not access it."""
        rows = TryOnRequest.objects.select_related("photo", "source")
        return get_object_or_404(rows, self.visitor.accessible_try_ons, pk=pk)


class NotFoundView(ApiView):
    """Responds with 404 to every other URL under `api/`, whatever the method."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raise `Refused` with the code `not_found`."""
        super().initial(request, *args, **kwargs)
        raise Refused("not_found")


def _read_limited(stream: Any) -> bytes:
    """Return the body, whatever its `Content-Length` says. Raise `Refused` if it is too large."""
    data: bytes = stream.read(uploads.MAX_BODY_BYTES + 1)
    if len(data) > uploads.MAX_BODY_BYTES:
        raise uploads.body_too_large()
    return data
