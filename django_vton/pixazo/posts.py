"""Post a message to a webhook that the shop has chosen, with the same checks as downloads."""

import asyncio
from collections.abc import Mapping

from . import ssrf
from .checked_client import CheckedClient
from .http_library import httpx
from .responses import DownloadFailed, describe_response
from .transport import NETWORK_ERRORS, ONE_USE, BodyTooLong, describe_error, new_client, read_chunks

MAX_ERROR_BYTES = 1000


async def post(url: str, body: bytes, headers: Mapping[str, str], *, loopback: bool, seconds: float) -> str:
    """Post `body` to a public https URL. Return "" if the status is 2xx, otherwise the error for staff.

    `loopback` also allows this machine, and http. The error does not contain the URL, which can be a secret.
    """
    common = {"Accept-Encoding": "identity", "User-Agent": "django-vton", **headers}
    try:
        async with (
            asyncio.timeout(seconds),
            new_client(common, ONE_USE) as http,
        ):
            client = CheckedClient(http=http, hosts=None, loopback=loopback, resolve=ssrf.resolve)
            response = await client.send("POST", url, body)
            try:
                return "" if response.is_success else await _describe(response)
            finally:
                await response.aclose()
    except DownloadFailed as error:
        return error.error
    except NETWORK_ERRORS as error:
        return describe_error(error)


async def _describe(response: httpx.Response) -> str:
    """Describe a refusal. Slack and others say in a short text what is wrong."""
    text = bytearray()
    try:
        await read_chunks(response.aiter_raw(), MAX_ERROR_BYTES, text)
    except BodyTooLong:
        text.clear()
    return describe_response(response.status_code, text.decode(errors="replace"))
