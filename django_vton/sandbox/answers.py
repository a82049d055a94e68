"""The vendor's error bodies, as its documents print them, and how a scenario changes them."""

from .http11 import Response, json_response
from .scenario import Scenario

# 503 is in neither document; its words are ours.
DOCUMENTED: dict[int, dict[str, str]] = {
    400: {"error": "Invalid request parameters"},
    401: {"error": "Invalid or missing authentication"},
    402: {"error": "Insufficient Balance", "message": "Your wallet does not have enough balance."},
    403: {"error": "Access denied for this operation"},
    404: {"error": "Endpoint not found"},
    429: {"error": "Rate limit exceeded, please retry later"},
    500: {"error": "An unexpected error occurred, please try again later"},
    503: {"error": "Service temporarily unavailable"},
}
# What answers with these is a proxy in front of the gateway, which knows no JSON.
PROXY_STATUSES = frozenset({502, 504})

PAGE = (
    '<!DOCTYPE html><html lang="en"><head><title>{0}</title></head>'
    "<body><h1>{0}</h1><p>The server could not complete your request.</p></body></html>"
)


def error(status: int, message: str = "") -> Response:
    """The documented body of an error status; `message` goes beside it, for the developer."""
    body = dict(DOCUMENTED.get(status, {"error": "Error"}))
    if message:
        body["message"] = message
    return json_response(status, body)


def page(status: int) -> Response:
    """A proxy's error page."""
    return Response(status, PAGE.format(f"Error {status}").encode(), "text/html; charset=utf-8")


def refusal(scenario: Scenario) -> Response:
    """The submit's refusal that a scenario asks for."""
    status = scenario.submit_status
    headers = {} if scenario.retry_after is None else {"Retry-After": str(scenario.retry_after)}
    if scenario.submit_html or status in PROXY_STATUSES:
        plain = page(status)
    elif scenario.submit_error:
        plain = json_response(status, {"error": scenario.submit_error})
    else:
        plain = error(status)
    return Response(status, plain.body, plain.content_type, headers)
