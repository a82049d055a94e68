"""Whether the shop's URLs for the vendor answer at their public URL, and what answers instead.

An unknown token gets a response that only this shop can give. All else comes from something before it.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from ...conf import config
from ...gateway import links
from ...pixazo.probe import Probe
from ...utils.tokens import PROOF_HEADER, shop_proof
from .findings import Contact, Finding

VIEWS = {"files": ("GET", "vendor-file"), "webhooks": ("POST", "callback")}
"""The method and the view of each step."""

LOSSES = {
    "files": "Pixazo cannot load the images, and charges renders that fail for it",
    "webhooks": "Pixazo's callbacks do not arrive, so results come later",
}

WALL = (
    "Let requests to {url}... pass without a login, a bot challenge or a block: exempt this path in the CDN, "
    "the firewall (WAF) or the web server."
)

PATH = (
    "Check the host and the path of VTON['PUBLIC_BASE_URL'], where the proxy sends this path, and that the "
    "URLconf includes django_vton.urls."
)

ANSWERS: dict[int, tuple[str, str]] = {
    HTTPStatus.UNAUTHORIZED: ("a password is asked for", WALL),
    HTTPStatus.FORBIDDEN: ("a firewall or a bot challenge refuses the request", WALL),
    HTTPStatus.NOT_ACCEPTABLE: ("a firewall refuses the request", WALL),
    HTTPStatus.TOO_MANY_REQUESTS: ("a limit of requests is reached", WALL),
    HTTPStatus.BAD_REQUEST: (
        "the request is refused, as Django does for an unknown host",
        "Add {host!r} to ALLOWED_HOSTS, and check which host name the proxy passes on.",
    ),
    HTTPStatus.NOT_FOUND: ("the server answers, but it is not this shop", PATH),
    HTTPStatus.METHOD_NOT_ALLOWED: ("the server answers, but it is not this shop", PATH),
}
"""What a status means that does not come from this shop, and what to do."""


def check_files(contact: Contact) -> Finding:
    """The URL from which the vendor loads images leads to this shop."""
    return _check(contact, "files", contact.files_probe)


def check_webhooks(contact: Contact) -> Finding:
    """The URL of callbacks leads to this shop."""
    if not (contact.engine.supports_callbacks and config.uses_callbacks):
        return Finding("webhooks", "no callbacks are requested")
    finding = _check(contact, "webhooks", contact.webhooks_probe)
    if finding.is_problem:
        remedy = f"{finding.remedy} Or set VTON['WEBHOOKS'] to False."
        return Finding(finding.step, finding.text, remedy)
    return finding


def _check(contact: Contact, step: str, probe: Probe) -> Finding:
    view = VIEWS[step][1]
    where = f"{links.public_url(view, contact.token).removesuffix(f'{contact.token}/')}"
    if probe.failed:
        text = f"no response from {where}...: {probe.error}"
        return Finding(step, text, "Check that the web server is running and not overloaded.")
    if probe.headers.get(PROOF_HEADER) == shop_proof(contact.token):
        return Finding(step, f"this shop answers at {where}... after {probe.response_seconds:.2f} s")
    cause, remedy = _explain(contact, step, probe, where)
    return Finding(step, f"{where}...: {cause}. {LOSSES[step]}", remedy)


def _explain(contact: Contact, step: str, probe: Probe, where: str) -> tuple[str, str]:
    """Return what has answered instead of this shop, and what to do."""
    status = probe.status
    if PROOF_HEADER in probe.headers:
        text = "another shop with this package answers, or processes with another SECRET_KEY"
        return text, "Set VTON['PUBLIC_BASE_URL'] to this shop's own URL, and restart its web processes."
    if _is_package(probe):
        text = "an older version of this package answers"
        return text, "Restart the web processes, so that they run the installed version."
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return _explain_redirect(contact, probe, step, where)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED) and (better := _find(contact, step)):
        text = f"the path of PUBLIC_BASE_URL is wrong: HTTP {status}, but this shop answers at {better}"
        return text, f"Set VTON['PUBLIC_BASE_URL'] to {better}."
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        text, remedy = (
            "a server before the shop reports an error, or shows a maintenance page",
            ("Check that the web processes run behind the proxy, and read the log of both."),
        )
    else:
        other = "a page answers instead, such as a login or a challenge", WALL
        text, remedy = ANSWERS.get(status, other)
    server = probe.headers.get("Server", "")[:40]
    answer = f"HTTP {status} from {server}" if server else f"HTTP {status}"
    return f"{text} ({answer})", remedy.format(url=where, host=contact.shop_host)


def _is_package(probe: Probe) -> bool:
    try:
        return bool(json.loads(probe.body)["code"] == "not_found")
    except (ValueError, TypeError, KeyError):
        return False


def _explain_redirect(contact: Contact, probe: Probe, step: str, where: str) -> tuple[str, str]:
    url = links.public_url(VIEWS[step][1], contact.token)
    target = urlsplit(urljoin(url, probe.headers.get("Location", "")))
    base, path = urlsplit(config.PUBLIC_BASE_URL), urlsplit(url).path
    shown = target._replace(query="", fragment="").geturl().replace(contact.token, "...")
    text = f"the request is redirected to {shown} (HTTP {probe.status})"
    if target.path == path and (target.scheme, target.netloc) != (base.scheme, base.netloc):
        better = base._replace(scheme=target.scheme, netloc=target.netloc).geturl()
        return text, f"Set VTON['PUBLIC_BASE_URL'] to {better}, since Pixazo's requests are not redirected."
    return text, WALL.format(url=where)


def _find(contact: Contact, step: str) -> str:
    """Return the base URL at which this shop answers if only the path of PUBLIC_BASE_URL is wrong, or ""."""
    base = urlsplit(config.PUBLIC_BASE_URL)
    method, view = VIEWS[step]
    for name in dict.fromkeys((links.script_name(), "")):
        better = base._replace(path=name).geturl()
        if better != config.PUBLIC_BASE_URL.rstrip("/"):
            probe = contact.probe_shop(method, better + links.public_path(view, contact.token))
            if probe.headers.get(PROOF_HEADER) == shop_proof(contact.token):
                return better
    return ""
