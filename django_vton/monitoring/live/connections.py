"""The steps that connect: DNS, TLS, latency, key and clock. They cost nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from ipaddress import ip_address

from ...conf import config
from ...gateway import circuit_breaker
from ...pixazo import ssrf
from ...pixazo.parsing import parse_error, parse_json
from ...pixazo.probe import Probe
from ...utils import clock, database
from .findings import Contact, Finding

SLOW_SECONDS = 3.0
"""The duration of a free request from which on the gateway counts as slow."""

MAX_SKEW = timedelta(seconds=60)

CERTIFICATE_WARNING = timedelta(days=7)
"""How long before its end a certificate is pointed out."""

TLS_REMEDIES = {
    "certificate has expired": "Renew the certificate, and check that the clock of this host is right.",
    "certificate is not yet valid": "Check that the clock of this host is right.",
    "unable to get local issuer certificate": (
        "Have the server send the whole chain, with the intermediate certificate (often named fullchain.pem)."
    ),
    "unable to verify the first certificate": (
        "Have the server send the whole chain, with the intermediate certificate (often named fullchain.pem)."
    ),
    "self-signed certificate": "Use a certificate of a public authority such as Let's Encrypt.",
    "self-signed certificate in certificate chain": (
        "Use a certificate of a public authority. If a proxy of this network opens TLS, exempt this host."
    ),
}
"""What to do about a certificate that is not accepted, by OpenSSL's words."""

HOSTNAME = "not valid for"
"""Part of OpenSSL's words if the certificate is another host's."""


def check_dns(contact: Contact) -> Finding:
    """The names of the gateway and of the shop can be looked up, and the shop's address is public."""
    for name, host, probe in (
        ("gateway's", contact.gateway_host, contact.gateway_probe),
        ("shop's", contact.shop_host, contact.files_probe),
    ):
        if probe.failed == "look-up":
            setting = "PIXAZO_BASE_URL" if name == "gateway's" else "PUBLIC_BASE_URL"
            return Finding(
                "dns",
                f"the {name} name {host} cannot be looked up: {probe.error}",
                f"Check VTON['{setting}'], the name's DNS records, and the DNS server of this host.",
            )
    shop = ", ".join(contact.files_probe.addresses)
    private = [address for address in contact.files_probe.addresses if not ssrf.is_public(address)]
    if private and not config.is_sandbox and not contact.has_split_dns:
        return Finding(
            "dns",
            f"the shop's name {contact.shop_host} leads to {private[0]}, a private address, which Pixazo "
            "cannot reach",
            "Give the name a public address. If it has one outside of this network, add --split-dns.",
        )
    gateway = ", ".join(contact.gateway_probe.addresses)
    return Finding(
        "dns", f"the gateway {contact.gateway_host} is {gateway}, the shop {contact.shop_host} is {shop}"
    )


def is_private_literal(host: str) -> bool:
    """Return whether the host is an IP address that is not public, or a name of this machine."""
    try:
        ip_address(host)
    except ValueError:
        return ssrf.is_loopback(host)
    return not ssrf.is_public(host)


def check_tls(contact: Contact) -> Finding:
    """Both hosts accept connections, and their certificates are accepted."""
    texts = []
    for name, host, probe in (
        ("gateway", contact.gateway_host, contact.gateway_probe),
        ("shop", contact.shop_host, contact.files_probe),
    ):
        if probe.failed == "connection":
            return Finding("tls", f"no connection to {host}: {probe.error}", _connection_remedy(name))
        if probe.failed == "tls":
            return Finding("tls", f"the certificate of {host}: {probe.error}", _tls_remedy(probe.error))
        texts.append(f"the {name} {host} {_certificate(probe)}")
    ends = [probe.certificate_ends for probe in (contact.gateway_probe, contact.files_probe)]
    is_near = any(end is not None and end - _utc_now() < CERTIFICATE_WARNING for end in ends)
    remedy = "Check that the certificate is renewed by itself." if is_near else ""
    return Finding("tls", "; ".join(texts), remedy, is_warning=is_near)


def _connection_remedy(name: str) -> str:
    if name == "gateway" and config.is_sandbox:
        return "Start manage.py vton_sandbox, or remove VTON['PIXAZO_BASE_URL'] to use Pixazo itself."
    if name == "gateway":
        return "Let this host and the workers connect to it: check the firewall for outgoing connections."
    return "Start the web server, open its port in the firewall, and check VTON['PUBLIC_BASE_URL']."


def _tls_remedy(error: str) -> str:
    if HOSTNAME in error.lower() or "mismatch" in error.lower():
        return "Use a certificate that contains this host's name."
    return TLS_REMEDIES.get(error, "Check the server's TLS settings and certificate.")


def _certificate(probe: Probe) -> str:
    if probe.certificate_ends is None:
        return "uses http"
    days = (probe.certificate_ends - _utc_now()).days
    return f"has a valid certificate for {days} more day{'' if days == 1 else 's'}"


def _utc_now() -> datetime:
    """Return this host's time, by which it judges certificates."""
    return clock.host_now().astimezone(UTC)


def check_latency(contact: Contact) -> Finding:
    """The gateway answers a free request soon."""
    probe = contact.gateway_probe
    if probe.failed:
        return Finding(
            "latency",
            f"the gateway accepts the connection but does not answer a free request: {probe.error}",
            "The gateway is too slow or down: check Pixazo's status page, and try again later.",
        )
    total = probe.connect_seconds + probe.response_seconds
    text = f"connected in {probe.connect_seconds:.2f} s, answered after {probe.response_seconds:.2f} s more"
    if total < SLOW_SECONDS:
        return Finding("latency", text)
    return Finding(
        "latency",
        f"the gateway is slow: {text}",
        "Renders will take longer. If it stays so, report it to Pixazo.",
        is_warning=True,
    )


def check_key(contact: Contact) -> Finding:
    """The gateway accepts the key, as far as a free poll of a render that does not exist can tell."""
    probe = contact.gateway_probe
    answer = f"a free poll was answered with HTTP {probe.status}{_vendor_error(probe)}"
    match probe.status:
        case HTTPStatus.UNAUTHORIZED:
            return Finding(
                "key",
                f"the gateway does not accept the API key (401): {answer}",
                "Copy the key from Pixazo's panel into VTON['PIXAZO_API_KEY'], and restart the workers.",
            )
        case HTTPStatus.PAYMENT_REQUIRED:
            return Finding("key", f"the wallet is empty (402): {answer}", WALLET_REMEDY)
        case HTTPStatus.FORBIDDEN:
            return Finding("key", f"the gateway refuses this key or this host: {answer}", FORBIDDEN_REMEDY)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Finding(
                "key", answer, "Wait, since the gateway limits the rate of requests with this key."
            )
    is_redirect = HTTPStatus.MULTIPLE_CHOICES <= probe.status < HTTPStatus.BAD_REQUEST
    if is_redirect or probe.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Finding(
            "key", answer, "Check VTON['PIXAZO_BASE_URL'] and Pixazo's status page, and try again later."
        )
    return Finding("key", f"not refused: {answer}")


WALLET_REMEDY = "Top up the wallet in Pixazo's panel."

FORBIDDEN_REMEDY = (
    "Check in Pixazo's panel that the subscription includes the engine, and that the key is not limited to "
    "other addresses."
)


def _vendor_error(probe: Probe) -> str:
    payload = parse_json(probe.body)
    text = parse_error(payload) if isinstance(payload, dict) else ""
    return f": {text.replace(config.PIXAZO_API_KEY, '[key]')[:200]}" if text else ""


def check_clock(contact: Contact) -> Finding:
    """The clocks of this host, of the gateway and of the database agree."""
    probe, remedy = contact.gateway_probe, "Set the clock of this host: install or repair its NTP service."
    server_name = database.connection().vendor
    if abs(clock.host_lead()) > MAX_SKEW:
        text = f"this host's clock is {_ahead(clock.host_lead())} that of {server_name}"
        return Finding("clock", text, f"{remedy} If it is right, set that of the database's host.")
    theirs = probe.server_time
    if theirs is None:
        return Finding("clock", "the gateway does not tell its time, so it cannot be compared")
    lag = contact.gateway_lag
    if abs(lag) > MAX_SKEW:
        times = f"{theirs + lag:%H:%M:%S} here, {theirs:%H:%M:%S} there, UTC"
        return Finding("clock", f"this host's clock is {_ahead(lag)} the gateway's ({times})", remedy)
    return Finding("clock", f"this host, {server_name} and the gateway agree within {MAX_SKEW.seconds} s")


def _ahead(lead: timedelta) -> str:
    seconds = lead.total_seconds()
    return f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'}"


def refusal(status: int | None) -> tuple[str, str]:
    """Return what a refused submit means and what to do, by the status of its response."""
    reason = str(circuit_breaker.REASONS.get(str(status), f"HTTP {status}"))
    remedies: dict[int | None, str] = {
        401: (
            "If the step “key” was ok, the workers use another key: restart them. Otherwise copy the key "
            "from Pixazo's panel into VTON['PIXAZO_API_KEY']."
        ),
        402: WALLET_REMEDY,
        403: FORBIDDEN_REMEDY,
        404: "Compare the path of the engine with Pixazo's documents, and set it in VTON['ENGINES'].",
        429: "Wait, since the gateway limits the rate of requests with this key.",
    }
    return reason, remedies.get(status, "Read the vendor's message, and report it to Pixazo.")
