"""The vendor's error responses as documented, and those of a scenario."""

from dataclasses import replace

from .http import Response, json_response
from .scenario import Scenario

# Neither document has 503.
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
# The statuses of a proxy in front of the vendor, which responds with HTML.
PROXY_STATUSES = frozenset({502, 504})

PAGE = (
    '<!DOCTYPE html><html lang="en"><head><title>{0}</title></head>'
    "<body><h1>{0}</h1><p>The server could not complete your request.</p></body></html>"
)


def error_response(status: int, message: str = "") -> Response:
    """Return a response with the documented body of an error status, and a `message` for the developer."""
    body = dict(DOCUMENTED.get(status, {"error": "Error"}))
    if message:
        body["message"] = message
    return json_response(status, body)


def error_page(status: int) -> Response:
    """Return the HTML error page of a proxy."""
    return Response(status, PAGE.format(f"Error {status}").encode(), "text/html; charset=utf-8")


def scenario_response(scenario: Scenario) -> Response:
    """Return the error response that the scenario gives to a submit."""
    status = scenario.submit_status
    if scenario.submit_code:
        message = scenario.submit_error or "The request was refused"
        response = json_response(status or 200, {"code": scenario.submit_code, "message": message})
    elif scenario.submit_html or status in PROXY_STATUSES:
        response = error_page(status)
    elif scenario.submit_error:
        response = json_response(status, {"error": scenario.submit_error})
    else:
        response = error_response(status)
    if scenario.retry_after is None:
        return response
    return replace(response, headers={"Retry-After": str(scenario.retry_after)})
