"""The steps about the shop itself: settings, workers, product and budget. They cost nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from urllib.parse import urlsplit

from ... import products, queue
from ...billing.budget import budget_statuses
from ...conf import config
from ...exceptions import Refused
from ...health import facts, notice
from ...intake import PreparedRender, prepare_render
from ...models import PersonPhoto
from ...queue import dispatcher_leases, liveness
from ...utils import clock
from ...utils.money import format_usd
from .connections import is_private_literal
from .findings import Contact, Finding

REACTION_SECONDS = 8.0
"""How long a worker may take to react to a wake-up. One that waits for a free lease is seen every 5 s."""

POLL_INTERVAL_SECONDS = 0.2

MAX_PRODUCTS = 50
"""How many products of the engine are tried until one has a usable image."""

MAX_EXAMINED = 2_000
"""How many products are examined until one has the engine."""


def check_settings(contact: Contact) -> Finding:
    """The settings are complete, try-on is not paused, and the vendor can use the URLs in them."""
    for fact in (*facts.settings(), *facts.pause()):
        if fact.cause:
            missing = [name for name in ("PIXAZO_API_KEY", "PUBLIC_BASE_URL") if not getattr(config, name)]
            remedy = (
                f"Set VTON['{missing[0]}']." if missing else "See manage.py check and the page System status."
            )
            return Finding("settings", notice(fact.cause).text, remedy)
    if config.is_sandbox:
        return Finding("settings", f"complete; the gateway is the sandbox at {config.PIXAZO_BASE_URL}")
    for name in ("PIXAZO_BASE_URL", "PUBLIC_BASE_URL"):
        url = getattr(config, name)
        if not url.startswith("https://"):
            text = f"VTON['{name}'] is {url}, but Pixazo's gateway and its callbacks use https only"
            return Finding("settings", text, f"Set it to {urlsplit(url)._replace(scheme='https').geturl()}.")
    if is_private_literal(contact.shop_host):
        text = (
            f"VTON['PUBLIC_BASE_URL'] has the private address {contact.shop_host}, which Pixazo cannot reach"
        )
        return Finding("settings", text, "Set it to the URL at which the shop is reached from the internet.")
    return Finding("settings", f"complete; {contact.engine.name} at {contact.gateway_host}")


def check_workers(_contact: Contact) -> Finding:
    """A worker runs, or reacts to a wake-up."""
    if dispatcher_leases.count_held():
        return Finding("workers", "a dispatcher is running")
    began, started = clock.now(), time.monotonic()
    queue.wake()
    while time.monotonic() < started + REACTION_SECONDS:
        seen = liveness.last_seen()
        if seen is not None and seen >= began:
            return Finding("workers", f"one reacted to a wake-up after {time.monotonic() - started:.1f} s")
        time.sleep(POLL_INTERVAL_SECONDS)
    process, seen = queue.describe_queue()[1], liveness.last_seen()
    if seen is not None and liveness.workers_seen_recently():
        return Finding(
            "workers",
            f"one was seen {(clock.now() - seen).total_seconds():.0f} s ago, but none reacted to a wake-up "
            f"within {REACTION_SECONDS:.0f} s",
            f"If the try-on waits long, check that {process} runs and takes the tasks of this shop's queue.",
            is_warning=True,
        )
    when = "was ever seen" if seen is None else f"was seen since {seen:%Y-%m-%d %H:%M} UTC"
    return Finding(
        "workers",
        f"no worker {when}, and none reacted to a wake-up within {REACTION_SECONDS:.0f} s",
        f"Start {process}, and check its log.",
    )


def check_product(contact: Contact) -> Finding:
    """There is a product of the engine with a usable image, and a house model that suits it."""
    name = contact.engine.name
    suitable = [photo for photo in _house_models(contact) if photo.suits_kind(contact.engine.kind)]
    if not suitable:
        named = f"the house model {contact.house_model!r}" if contact.house_model else "no active house model"
        missing = "was not found, is not active or does not suit" if contact.house_model else "suits"
        return Finding(
            "product",
            f"{named} {missing} {name}",
            "Add a house model in the admin, or use --house-model NAME.",
        )
    photo, refusal = suitable[0], ""
    for ref in islice(_references(contact), MAX_PRODUCTS):
        try:
            contact.prepared = _prepare(contact, ref, photo)
        except Refused as refused:
            refusal = refusal or f"{ref}: {refused.detail}"
            continue
        return Finding("product", f"{ref} ({contact.prepared.row.product_title}) on house model {photo}")
    found = refusal or f"no enabled product has the engine {name}"
    return Finding(
        "product", found, f"Use --product REF with a product that shoppers can try on with {name}."
    )


def _house_models(contact: Contact) -> list[PersonPhoto]:
    found = PersonPhoto.objects.active_house_models()
    wanted = contact.house_model
    return [photo for photo in found if not wanted or wanted in (photo.name, str(photo.pk))]


def _references(contact: Contact) -> Iterator[str]:
    """Yield the product that was asked for, or all enabled products of the engine."""
    if contact.product:
        yield contact.product
        return
    for tryon in products.registered().values():
        for product in islice(tryon.get_queryset().order_by("pk").iterator(chunk_size=100), MAX_EXAMINED):
            described = products.DescribedProduct(tryon, product)
            if tryon.get_engine(product) == contact.engine.name and described.is_enabled:
                yield products.reference(product)


def _prepare(contact: Contact, ref: str, photo: PersonPhoto) -> PreparedRender:
    """Validate the render of one image. Raise `Refused` if it is not possible."""
    found = products.find(ref)
    if found.engine.name != contact.engine.name:
        raise Refused("product_not_enabled", f"its engine is {found.engine.name}, not {contact.engine.name}")
    count = contact.engine.samples_option
    return prepare_render(ref, photo, {contact.engine.name: {count: 1} if count else {}})


def check_budget(contact: Contact) -> Finding:
    """The budget leaves room for the price."""
    assert contact.prepared is not None, "the step before has prepared it"
    price = contact.prepared.price
    cost = f"the try-on costs {format_usd(price)}"
    for status in budget_statuses():
        if status.left is not None and status.left < price:
            setting = "DAILY_BUDGET" if status.kind == "day" else "MONTHLY_BUDGET"
            left, cap = format_usd(status.left), format_usd(status.cap or 0)
            text = f"{cost}, and {left} is left of the {cap} of this {status.kind}"
            return Finding("budget", text, f"Raise VTON['{setting}'], or wait for the next {status.kind}.")
    return Finding("budget", f"{cost}, which the budget covers")
