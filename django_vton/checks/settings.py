"""Checks of the setting `VTON` and of the products registered in `tryon.py` modules."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name for it
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.module_loading import import_string

from .. import marks, products
from ..conf import config, find_errors
from ..gateway.engines import engines, get_engine
from ..images.content_credentials import signing_problem
from ..intake import fallbacks
from ..monitoring import proxies


def find_setting_errors() -> list[str]:
    """Return the errors in the setting `VTON`. While there is one, `config` cannot be used."""
    return find_errors(getattr(settings, "VTON", {}))


def check_settings() -> list[CheckMessage]:
    """E002 to E009, E011 to E013, W001 to W003: see the functions below."""
    return [
        *(*_check_paths(), *_check_engines(), *_check_urls(), *_check_webhook()),
        *(*_check_budget(), *_check_time_zones(), *_check_templates(), *_check_signing()),
        *_check_extras(),
    ]


def _check_paths() -> list[CheckMessage]:
    """E002: a dotted path does not lead to a callable."""
    found: list[CheckMessage] = []
    for name in ("ENQUEUE", "CAPTCHA", "MODERATE", "MARK"):
        path = getattr(config, name)
        try:
            if path and path != marks.CORNER and not callable(import_string(path)):
                raise ImportError(f"{path!r} is not callable")  # noqa: TRY301 - one message for both
        except ImportError as error:
            hint = "Set it to the dotted path of a callable."
            found.append(Error(f"VTON[{name!r}] cannot be used: {error}.", hint=hint, id="vton.E002"))
    return found


def _check_engines() -> list[CheckMessage]:
    """E003: an entry in ENGINES is not an engine. E004: a price is for an unknown engine. W005: see below."""
    try:
        unknown = set(config.PRICES) - set(engines())
    except ImproperlyConfigured as error:
        hint = "Set paths of a known engine, or a subclass of django_vton.pixazo.Engine."
        return [Error(str(error), hint=hint, id="vton.E003")]
    if not unknown:
        return _check_unverified()
    hint = f"The engines are: {', '.join(engines())}."
    return [Error(f"VTON['PRICES'] has unknown engines: {sorted(unknown)}.", hint=hint, id="vton.E004")]


def _check_unverified() -> list[CheckMessage]:
    """W005: an engine is declared from public sources, and was never called."""
    hint = "Prove it with one render: manage.py vton_doctor --live {} --spend. Then silence this warning."
    return [
        Warning(f"The engine {name!r} is unverified.", hint=hint.format(name), id="vton.W005")
        for name, engine in engines().items()
        if not engine.is_verified
    ]


def _check_urls() -> list[CheckMessage]:
    """E005: the gateway's URL is not https. W001: no URL or key. W002: the shop's URL is not https."""
    found: list[CheckMessage] = []
    for name in ("PIXAZO_API_KEY", "PUBLIC_BASE_URL"):
        if not getattr(config, name):
            hint = f"Set VTON[{name!r}]; until then no try-on button is shown."
            found.append(Warning(f"VTON[{name!r}] is not set.", hint=hint, id="vton.W001"))
    if config.is_sandbox:
        return found
    if config.PUBLIC_BASE_URL and not config.PUBLIC_BASE_URL.startswith("https://"):
        hint = "Set an https URL. Otherwise Pixazo sends no callbacks, and photos are sent unencrypted."
        found.append(Warning("VTON['PUBLIC_BASE_URL'] is not https.", hint=hint, id="vton.W002"))
    if not config.PIXAZO_BASE_URL.startswith("https://"):
        hint = "Set an https URL. Otherwise the key and the photos are sent unencrypted."
        found.append(Error("VTON['PIXAZO_BASE_URL'] is not https.", hint=hint, id="vton.E005"))
    return found


def _check_webhook() -> list[CheckMessage]:
    """E008: the webhook's URL is not https. E009: its messages cannot be signed."""
    found: list[CheckMessage] = []
    if not config.NOTIFY_URL:
        return found
    if not config.NOTIFY_URL.startswith("https://") and not config.is_sandbox:
        hint = "Set an https URL. Messages are not sent over http."
        found.append(Error("VTON['NOTIFY_URL'] is not https.", hint=hint, id="vton.E008"))
    if not config.NOTIFY_SECRET:
        hint = "Set VTON['NOTIFY_SECRET'] to a random text of 32 or more characters, also for Slack."
        text = "VTON['NOTIFY_URL'] is set without VTON['NOTIFY_SECRET'], so no message can be signed."
        found.append(Error(text, hint=hint, id="vton.E009"))
    return found


def _check_budget() -> list[CheckMessage]:
    """W003: the daily budget is not set. The sandbox needs none, since it costs nothing."""
    if config.is_sandbox or "DAILY_BUDGET" in getattr(settings, "VTON", {}):
        return []
    hint = "Set VTON['DAILY_BUDGET'] to a Decimal of USD, or to None for no limit."
    text = f"VTON['DAILY_BUDGET'] is not set, so the default of {config.DAILY_BUDGET} USD a day applies."
    return [Warning(text, hint=hint, id="vton.W003")]


def _check_time_zones() -> list[CheckMessage]:
    """E006: USE_TZ is False, but quotas and deadlines need aware datetimes."""
    if settings.USE_TZ:
        return []
    return [Error("django-vton needs USE_TZ.", hint="Set USE_TZ = True.", id="vton.E006")]


def _check_templates() -> list[CheckMessage]:
    """E007: TEMPLATES finds no templates of the package, for example with Jinja2 alone."""
    try:
        get_template("vton/pages/page.html")
    except TemplateDoesNotExist:
        hint = "Add a DjangoTemplates backend with APP_DIRS to TEMPLATES. It may be after Jinja2."
        return [Error("TEMPLATES does not find django-vton's templates.", hint=hint, id="vton.E007")]
    return []


def _check_signing() -> list[CheckMessage]:
    """E011: images cannot be signed with C2PA_CERTIFICATE and C2PA_KEY."""
    if not config.C2PA_CERTIFICATE and not config.C2PA_KEY:
        return []
    key = marks.signing_key()
    problem = "one of them is not set" if key is None else signing_problem(key)
    if not problem:
        return []
    hint = "Set both to readable PEM files, with a valid certificate, and install django-vton[c2pa]."
    text = f"VTON['C2PA_CERTIFICATE'] and VTON['C2PA_KEY'] cannot sign an image: {problem}."
    return [Error(text, hint=hint, id="vton.E011")]


def _check_extras() -> list[CheckMessage]:
    """E012, E013: what is switched on needs an extra that is not installed."""
    found: list[CheckMessage] = []
    if apps.is_installed("django_vton.contrib.telemetry") and find_spec("opentelemetry") is None:
        hint = "Run `pip install django-vton[telemetry]`, or remove the app."
        text = "django_vton.contrib.telemetry is in INSTALLED_APPS, but OpenTelemetry is not installed."
        found.append(Error(text, hint=hint, id="vton.E012"))
    if config.METRICS_TOKEN and find_spec("prometheus_client") is None:
        hint = "Run `pip install django-vton[prometheus]`, or remove the setting."
        text = "VTON['METRICS_TOKEN'] is set, but prometheus-client is not installed."
        found.append(Error(text, hint=hint, id="vton.E013"))
    return found


def check_proxies(*, databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """W004: TRUSTED_PROXIES or PUBLIC_BASE_URL does not match recent requests. Needs `check --database`."""
    if not databases or find_setting_errors():
        return []
    try:
        return [Warning(text, id="vton.W004") for text in proxies.problems()]
    except DatabaseError:
        return []  # The tables do not exist yet.


def check_products() -> list[CheckMessage]:
    """E010: a registration in a `tryon.py` is wrong."""
    if any(message.id == "vton.E003" for message in _check_engines()):
        return []
    return [Error(f"{text}.", id="vton.E010") for text in registration_errors()]


def registration_errors() -> list[str]:
    """Return the errors in the registrations of products, each as a sentence without a period."""
    found = list(products.registration_problems)
    for model, tryon in products.registered().items():
        name = f"{type(tryon).__module__}.{type(tryon).__name__}"
        if type(tryon).get_image is products.TryOn.get_image:
            found.append(f"{name} for {model._meta.label} has no get_image()")
        if type(tryon).get_engine is products.TryOn.get_engine:
            found.extend(_engine_errors(name, tryon))
    return found


def _engine_errors(name: str, tryon: products.TryOn) -> list[str]:
    try:
        engine = get_engine(tryon.engine)
    except ImproperlyConfigured as error:
        return [f"{name}: {error}"]
    known = {option.name: option for option in engine.options}
    second = tryon.fallback if type(tryon).get_fallback is products.TryOn.get_fallback else ""
    problem = fallbacks.find_problem(engine, second) if second else ""
    found = [f"{name}.fallback: {problem}"] if problem else []
    for option in tryon.shopper_options:
        if option not in known:
            found.append(f"{name}.shopper_options contains {option!r}, which {engine.name} does not have")
        elif known[option].is_for_merchants:
            found.append(f"{name}.shopper_options contains {option!r}, which only merchants may set")
    return found
