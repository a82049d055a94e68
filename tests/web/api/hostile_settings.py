"""`REST_FRAMEWORK` of a shop whose own API is as different as possible.

The module is a settings module as well, so that DRF can find it when it is imported.
"""

from tests import settings as ours
from tests.settings import *  # noqa: F403 - a settings module

if not ours.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A database of its own, since the tests that start this process are running. A copy of the dictionary,
    # since they import this module as well.
    _test = {"NAME": f"test_hostile_{ours.DATABASES['default']['NAME']}"}
    DATABASES = ours.DATABASES | {"default": ours.DATABASES["default"] | {"TEST": _test}}

HERE = "tests.web.api.hostile_classes"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [f"{HERE}.NobodyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FileUploadParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": f"{HERE}.NoNegotiation",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "0/day"},
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.NamespaceVersioning",
    "DEFAULT_VERSION": "7",
    "ALLOWED_VERSIONS": ["7"],
    "DEFAULT_METADATA_CLASS": "rest_framework.metadata.SimpleMetadata",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "DEFAULT_FILTER_BACKENDS": ["rest_framework.filters.OrderingFilter"],
    "PAGE_SIZE": 1,
    "EXCEPTION_HANDLER": f"{HERE}.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": f"{HERE}.exception_handler",
    "URL_FORMAT_OVERRIDE": "product",
    "FORMAT_SUFFIX_KWARG": "pk",
    "UNICODE_JSON": True,
    "COMPACT_JSON": False,
    "STRICT_JSON": False,
    "ORDERING_PARAM": "product",
    "SEARCH_PARAM": "product",
    "VIEW_NAME_FUNCTION": f"{HERE}.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "xml",
    "NUM_PROXIES": 5,
    "DATETIME_FORMAT": "%d.%m.%Y",
    # The views that serve the schema need it.
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
