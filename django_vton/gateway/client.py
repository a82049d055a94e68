"""The vendor's client with the shop's settings, and a single poll from a process that is no worker."""

from __future__ import annotations

import asyncio

from ..conf import config
from ..pixazo import Engine, PollFailed, VendorResponse
from ..pixazo.client import PixazoClient

NO_RENDER = "vton-probe"
"""The id of a render that does not exist. Its poll is free, and tells whether the vendor responds."""

POLL_SECONDS = 5.0
"""The time limit of `poll_once`, since a person waits for it."""


def create_client() -> PixazoClient:
    """Return a client that is not connected yet. Raise `ValueError` if the URL or the key is invalid."""
    return PixazoClient(
        base_url=config.PIXAZO_BASE_URL,
        api_key=config.PIXAZO_API_KEY,
        result_hosts=config.RESULT_HOSTS,
        loopback=config.is_sandbox,
    )


def poll_once(engine: Engine, vendor_id: str) -> VendorResponse:
    """Poll a render, which is free. Raise `PollFailed` if the vendor does not know it or is not reached."""
    if not config.PIXAZO_API_KEY:
        raise PollFailed("PIXAZO_API_KEY is not set")

    async def poll() -> VendorResponse:
        async with asyncio.timeout(POLL_SECONDS), create_client() as pixazo:
            return await pixazo.poll(engine, vendor_id)

    try:
        return asyncio.run(poll())
    except TimeoutError:
        raise PollFailed(f"no response within {POLL_SECONDS:.0f} seconds") from None
    except ValueError as error:
        raise PollFailed(str(error)) from None
