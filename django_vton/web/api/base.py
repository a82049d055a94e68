"""What every view of the API has in common. It takes nothing from the shop's `REST_FRAMEWORK`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import QueryDict
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

from ...exceptions import Refused
from ...models import TryOnRequest
from ...shoppers import Visitor
from ...utils import languages
from .. import uploads
from ..sessions import require_session
from .errors import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from rest_framework.renderers import BaseRenderer
    from rest_framework.request import Request

    from ...models import Shopper

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


class ShopSession(BaseAuthentication):
    """The user as Django's own middleware found them, also where that is nobody.

    DRF's `SessionAuthentication` spares anonymous callers the CSRF check; here `ApiView` checks everybody.
    """

    def authenticate(self, request: Request) -> tuple[Any, None]:
        """Always a user, so that DRF never puts its `UNAUTHENTICATED_USER` onto the shop's request."""
        return getattr(request._request, "user", None) or AnonymousUser(), None


class StrictJson(JSONParser):
    """JSON in UTF-8, -16 or -32 (RFC 8259), told by its bytes; no charset of a header is believed."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """The value; ParseError for anything else."""
        return read_json(_short(stream))


class ShortForm(FormParser):
    """A form without files, in UTF-8."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Its fields."""
        return QueryDict(_short(stream), encoding="utf-8")


class PlainJson(JSONRenderer):
    """In ASCII, so that nothing a caller sent can fail to be encoded when it is told back."""

    ensure_ascii = True
    compact = True
    strict = True


class AlwaysJson(DefaultContentNegotiation):
    """There is one format: no `Accept`, suffix or query parameter asks for another."""

    def select_renderer(
        self, request: Any, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """JSON, whatever was asked for."""
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class CsrfCheck(CsrfViewMiddleware):
    """Django's check, which says why instead of answering itself."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _describer() -> Any:
    """What describes the views to drf-spectacular, where the shop has installed it."""
    if not apps.is_installed("drf_spectacular"):
        return None
    from .openapi import ApiSchema

    return ApiSchema()


class ApiView(APIView):
    """Base of all views: session, CSRF, JSON in and out, errors in one shape, in the language of `?lang=`."""

    authentication_classes = (ShopSession,)
    permission_classes = (AllowAny,)
    parser_classes = (StrictJson, MultiPartParser, ShortForm)
    renderer_classes = (PlainJson,)
    content_negotiation_class = AlwaysJson
    throttle_classes = ()
    versioning_class = None
    metadata_class = None
    schema = _describer()
    http_method_names = ["get", "head", "post", "put", "delete"]

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """For guests as well, and never inside a transaction of the shop's `ATOMIC_REQUESTS`."""
        view = sensitive_post_parameters()(super().as_view(**initkwargs))
        return login_not_required(transaction.non_atomic_requests(view))

    def get_exception_handler(self) -> Callable[..., Any]:
        """Ours, not the shop's."""
        return answer

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """In one language from the first text to the last; personal, so never in a shared cache."""
        if request.encoding not in (None, "utf-8"):
            # A charset may name a codec that is none of text, and breaks the parsing of the query as well.
            request.encoding = "utf-8"
        with languages.speaking(languages.asked(request)) as language:
            response = super().dispatch(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Content-Language", language)
        return response

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Limits the upload before anybody reads it."""
        self.upload = uploads.limit(request)
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Its length; for every write of everybody CSRF and a session, before anything else is looked at."""
        super().initial(request, *args, **kwargs)
        uploads.require_length(request._request)
        if request.method not in SAFE:
            check = CsrfCheck(lambda _request: None)  # type: ignore[arg-type] # never called
            check.process_request(request._request)
            if check.process_view(request._request, None, (), {}):  # type: ignore[arg-type] # as DRF does
                raise Refused("csrf_failed")
            require_session(request._request)

    @property
    def visitor(self) -> Visitor:
        """Who asks."""
        return Visitor.of(self.request._request)

    @property
    def shopper(self) -> Shopper | None:
        """Their row, if there is one."""
        return self.visitor.shopper()

    def own(self, pk: UUID) -> TryOnRequest:
        """The caller's try-on, in one query; somebody else's is `not_found`."""
        rows = TryOnRequest.objects.select_related("photo", "source")
        row = rows.filter(self.visitor.may_open, pk=pk).first()
        if row is None:
            raise Refused("not_found")
        return row


def _short(stream: Any) -> bytes:
    """The body, whatever length its header tells; Refused where it is longer than any of ours."""
    data: bytes = stream.read(uploads.MAX_BODY + 1)
    if len(data) > uploads.MAX_BODY:
        raise uploads.too_long()
    return data


def read_json(text: str | bytes) -> Any:
    """The JSON value; ParseError where it is none, or nests deeper than Python follows."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ParseError from None
