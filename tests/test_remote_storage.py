"""Files in a remote storage are streamed by the view."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.storage import Storage

from django_vton import privacy
from django_vton.models import TryOnRequest
from tests.live_shop import TIMEOUT_SECONDS
from tests.remote_storage import SIGNED_URL, NoSuchKey, create_file_urls, use_remote_storage
from tests.tryons import error_code, read_stream
from tests.web.files import SECURITY_HEADERS

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    from shop.models import Product
    from tests.conftest import PhotoMaker
    from tests.remote_storage import RemoteStorage

pytestmark = pytest.mark.django_db


@pytest.fixture
def remote(settings: Settings) -> RemoteStorage:
    return use_remote_storage(settings)


def test_the_view_streams_files_without_revealing_the_storages_urls(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, remote: RemoteStorage
) -> None:
    for path in create_file_urls(guest, shirt, phone_photo()):
        response = guest.get(path)
        assert len(remote.open_streams) == 1
        data = read_stream(response)
        assert data in remote.files.values()
        assert (response.status_code, response["Content-Length"]) == (200, str(len(data)))
        assert {name: response[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert not {"Location", "X-Accel-Redirect", "X-Sendfile"} & set(response.headers)
        assert SIGNED_URL not in str(response.headers)
        assert remote.open_streams == []

        head = guest.head(path)
        assert (read_stream(head), head["Content-Length"]) == (b"", str(len(data)))
        assert remote.open_streams == []


@pytest.mark.django_db(transaction=True)
def test_closing_a_response_closes_the_file(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, remote: RemoteStorage
) -> None:
    for path in create_file_urls(guest, shirt, phone_photo()):
        response: Any = guest.get(path)
        assert next(iter(response.streaming_content))
        assert len(remote.open_streams) == 1
        response.close()
        assert remote.open_streams == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("disconnects_early", [True, False])
def test_a_client_that_disconnects_leaves_no_file_open(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    remote: RemoteStorage,
    live_server: LiveServer,
    disconnects_early: bool,
) -> None:
    path = create_file_urls(guest, shirt, phone_photo())[-1]
    for name in remote.files:
        remote.files[name] = b"x" * 20_000_000  # More than fits into the sockets' buffers.
    remote.is_closed.clear()
    with socket.create_connection((live_server.thread.host, live_server.thread.port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK")
        if not disconnects_early:
            while client.recv(1 << 20):
                pass
    assert remote.is_closed.wait(TIMEOUT_SECONDS)
    assert remote.open_streams == []


def test_a_revoked_url_still_completes_a_running_response(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, remote: RemoteStorage
) -> None:
    path = create_file_urls(guest, shirt, phone_photo())[-1]
    response: Any = guest.get(path)
    for row in TryOnRequest.objects.all():
        privacy.erase_tryon(row)
    assert len(read_stream(response)) == int(response["Content-Length"])
    assert guest.get(path).status_code == 404
    assert remote.open_streams == []


@pytest.mark.parametrize("missing", [FileNotFoundError, NoSuchKey])
def test_a_missing_file_is_not_found(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, settings: Settings, missing: type[Exception]
) -> None:
    remote = use_remote_storage(settings, missing=missing)
    paths = create_file_urls(guest, shirt, phone_photo())
    remote.files.clear()
    for path in paths:
        assert error_code(guest.get(path)) == (404, "not_found")


def test_a_storage_without_exists_is_supported(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    remote: RemoteStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = create_file_urls(guest, shirt, phone_photo())[0]
    # As in Django's base class.
    monkeypatch.setattr(remote, "exists", lambda name: Storage.exists(remote, name))
    assert read_stream(guest.get(path))
    remote.files.clear()
    assert error_code(guest.get(path)) == (404, "not_found")


@pytest.mark.parametrize("missing", [FileNotFoundError, NoSuchKey])
def test_an_unreachable_storage_means_503_with_retry_after(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    settings: Settings,
    missing: type[Exception],
    caplog: pytest.LogCaptureFixture,
) -> None:
    remote = use_remote_storage(settings, missing=missing)
    paths = create_file_urls(guest, shirt, phone_photo())
    remote.is_unreachable = True
    with caplog.at_level(logging.DEBUG):
        for path in paths:
            response = guest.get(path)
            assert error_code(response) == (503, "unavailable")
            assert (response["Retry-After"], response["Cache-Control"]) == ("10", "no-store")
            assert SIGNED_URL not in response.content.decode()
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        "The private storage cannot be read: ConnectionError"
    ] * len(paths)
    remote.is_unreachable = False
    assert all(read_stream(guest.get(path)) for path in paths)


def test_a_broken_stream_is_not_taken_for_a_complete_file(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, remote: RemoteStorage
) -> None:
    path = create_file_urls(guest, shirt, phone_photo())[0]
    for name in remote.files:
        remote.files[name] = b"x" * 20_000
    remote.breaks_after = 4096
    response = guest.get(path)
    with pytest.raises(ConnectionResetError):
        read_stream(response)
    assert response["Content-Length"] == "20000"  # The body is shorter, so the client notices.
    response.close()
    assert remote.open_streams == []


@pytest.mark.parametrize("call", ["seek", "size"])
def test_a_file_of_unknown_size_is_closed(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    remote: RemoteStorage,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    path = create_file_urls(guest, shirt, phone_photo())[0]

    def fail(*_args: Any) -> None:
        raise ConnectionError(SIGNED_URL)

    if call == "seek":
        monkeypatch.setattr("tests.remote_storage.Stream.seek", fail, raising=False)
        monkeypatch.setattr("tests.remote_storage.Stream.tell", lambda _self: 0, raising=False)
    else:
        monkeypatch.setattr(remote, "size", fail)
    assert error_code(guest.get(path)) == (503, "unavailable")
    assert remote.open_streams == []
