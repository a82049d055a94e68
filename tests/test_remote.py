"""Files that lie elsewhere go through the view; files that nginx sends are named to it alone."""

from __future__ import annotations

import inspect
import logging
import os
import re
import shutil
import socket
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.urls import reverse

from django_vton import privacy
from django_vton.gateway import links
from django_vton.models import PersonPhoto, TryOnRequest
from django_vton.storage import PrivateFolder
from tests.doors import asked, code, content, render, submit
from tests.remote import ADDRESS, NoSuchKey, use_remote
from tests.running import PATIENCE, free_port, is_listening
from tests.web.test_files import HEADERS, image_url, photo_url

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    from shop.models import Product
    from tests.conftest import PhotoMaker
    from tests.people import Files
    from tests.remote import Remote

pytestmark = pytest.mark.django_db

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


@pytest.fixture
def remote(settings: Settings) -> Remote:
    return use_remote(settings)


def addresses(guest: Client, product: Product, photo: bytes) -> list[str]:
    """Of a result, its thumbnail, its photo, and what the vendor fetches for another one."""
    done = render(asked(guest, product, photo))
    row = asked(guest, product, photo, photo_id=None, options='{"num_samples": 2}')
    attempt = submit(row)
    assert row.photo
    assert row.product_image
    [tokens] = links.create_links([attempt])
    paths = [reverse("vton:vendor-file", args=[token]) for token in tokens]
    return [image_url(done), image_url(done) + "?size=thumbnail", photo_url(done), *paths]


# Elsewhere ------------------------------------------------------------------------------------------


def test_bytes_go_through_the_view_and_no_address_is_told(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, remote: Remote
) -> None:
    for path in addresses(guest, shirt, phone_photo()):
        response = guest.get(path)
        assert len(remote.open_now) == 1
        data = content(response)
        assert data in remote.files.values()
        assert (response.status_code, response["Content-Length"]) == (200, str(len(data)))
        assert {name: response[name] for name in HEADERS} == HEADERS
        assert not {"Location", "X-Accel-Redirect", "X-Sendfile"} & set(response.headers)
        assert ADDRESS not in str(response.headers)
        assert remote.open_now == []

        head = guest.head(path)
        assert (content(head), head["Content-Length"]) == (b"", str(len(data)))
        assert remote.open_now == []


@pytest.mark.django_db(transaction=True)
def test_a_closed_answer_closes_its_file_however_much_was_read(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, remote: Remote
) -> None:
    for path in addresses(guest, shirt, phone_photo()):
        response: Any = guest.get(path)
        assert next(iter(response.streaming_content))
        assert len(remote.open_now) == 1
        response.close()
        assert remote.open_now == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_rude", [True, False])
def test_a_client_that_hangs_up_leaves_no_file_open(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    remote: Remote,
    live_server: LiveServer,
    is_rude: bool,
) -> None:
    path = addresses(guest, shirt, phone_photo())[-1]
    for name in remote.files:
        remote.files[name] = b"x" * 20_000_000  # More than fits into the sockets' buffers.
    remote.is_closed.clear()
    with socket.create_connection((live_server.thread.host, live_server.thread.port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK")
        if not is_rude:
            while client.recv(1 << 20):
                pass
    assert remote.is_closed.wait(PATIENCE)
    assert remote.open_now == []


def test_a_link_that_is_revoked_meanwhile_ends_with_its_last_answer(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, remote: Remote
) -> None:
    path = addresses(guest, shirt, phone_photo())[-1]
    response: Any = guest.get(path)
    for row in TryOnRequest.objects.all():
        privacy.erase(row)
    assert len(content(response)) == int(response["Content-Length"])
    assert guest.get(path).status_code == 404
    assert remote.open_now == []


@pytest.mark.parametrize("missing", [FileNotFoundError, NoSuchKey])
def test_a_file_that_is_gone_is_not_found(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, settings: Settings, missing: type[Exception]
) -> None:
    remote = use_remote(settings, missing=missing)
    paths = addresses(guest, shirt, phone_photo())
    remote.files.clear()
    for path in paths:
        assert code(guest.get(path)) == (404, "not_found")


def test_a_storage_need_not_tell_what_exists(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    remote: Remote,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = addresses(guest, shirt, phone_photo())[0]
    # As in Django's base class.
    monkeypatch.setattr(remote, "exists", lambda name: Storage.exists(remote, name))
    assert content(guest.get(path))
    remote.files.clear()
    assert code(guest.get(path)) == (404, "not_found")


@pytest.mark.parametrize("missing", [FileNotFoundError, NoSuchKey])
def test_a_storage_that_is_away_is_asked_again_later(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    settings: Settings,
    missing: type[Exception],
    caplog: pytest.LogCaptureFixture,
) -> None:
    remote = use_remote(settings, missing=missing)
    paths = addresses(guest, shirt, phone_photo())
    remote.is_away = True
    with caplog.at_level(logging.DEBUG):
        for path in paths:
            response = guest.get(path)
            assert code(response) == (503, "unavailable")
            assert (response["Retry-After"], response["Cache-Control"]) == ("10", "no-store")
            assert ADDRESS not in response.content.decode()
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        "The private storage cannot be read: ConnectionError"
    ] * len(paths)
    remote.is_away = False
    assert all(content(guest.get(path)) for path in paths)


def test_a_line_that_breaks_is_never_taken_for_a_whole_file(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, remote: Remote
) -> None:
    path = addresses(guest, shirt, phone_photo())[0]
    for name in remote.files:
        remote.files[name] = b"x" * 20_000
    remote.breaks_after = 4096
    response = guest.get(path)
    with pytest.raises(ConnectionResetError):
        content(response)
    assert response["Content-Length"] == "20000"  # The server cannot keep it, so the client knows.
    response.close()
    assert remote.open_now == []


@pytest.mark.parametrize("call", ["seek", "size"])
def test_a_file_that_cannot_be_measured_is_closed_again(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    remote: Remote,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    path = addresses(guest, shirt, phone_photo())[0]

    def fail(*_args: Any) -> None:
        raise ConnectionError(ADDRESS)

    if call == "seek":
        monkeypatch.setattr("tests.remote.Download.seek", fail, raising=False)
        monkeypatch.setattr("tests.remote.Download.tell", lambda _self: 0, raising=False)
    else:
        monkeypatch.setattr(remote, "size", fail)
    assert code(guest.get(path)) == (503, "unavailable")
    assert remote.open_now == []


# By nginx -------------------------------------------------------------------------------------------


@pytest.fixture
def folder(settings: Settings, files: Files) -> Path:
    options = {"location": files.root, "nginx_location": "/vton-private/"}
    private = {"BACKEND": "django_vton.storage.PrivateFolder", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "vton": private}
    return files.root


def test_nginx_is_told_where_the_file_lies(
    guest: Client, stranger: Client, shirt: Product, phone_photo: PhotoMaker, folder: Path
) -> None:
    paths = addresses(guest, shirt, phone_photo())
    for path in paths:
        response = guest.get(path)
        assert (response.status_code, response.content, response.streaming) == (200, b"", False)
        name = response["X-Accel-Redirect"].removeprefix("/vton-private/")
        assert (folder / name).is_file()
        assert {header: response[header] for header in HEADERS if header != "Accept-Ranges"} == {
            header: value for header, value in HEADERS.items() if header != "Accept-Ranges"
        }
        assert "Accept-Ranges" not in response  # nginx has them, and says so.
        assert response["Content-Type"] in {"image/jpeg", "image/png"}
        assert response["Content-Disposition"].startswith("inline; filename=")
        if "/files/" not in path:
            refused = stranger.get(path)
            assert (refused.status_code, "X-Accel-Redirect" in refused) == (404, False)

    shutil.rmtree(folder)
    assert {code(guest.get(path)) for path in paths} == {(404, "not_found")}


def test_the_files_are_then_their_groups_as_well(folder: Path) -> None:
    photo = PersonPhoto()
    photo.file.save("a.jpg", ContentFile(b"one"), save=False)
    path = Path(photo.file.path)
    assert path.is_relative_to(folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert {stat.S_IMODE(part.stat().st_mode) for part in [path.parent, path.parent.parent]} == {0o750}


@pytest.mark.parametrize(
    "location", ["vton", "/", "/vton", "//evil.example/", "https://evil.example/", "/a b/", "/a/\n"]
)
def test_a_location_is_a_path_of_nginx(location: str, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="nginx_location"):
        PrivateFolder(tmp_path, nginx_location=location)


@pytest.mark.parametrize("name", ["vton/a b?c#d%2e.jpg", "vton/ä.jpg", "vton/a\r\nSet-Cookie: x.jpg"])
def test_a_name_cannot_leave_its_location(name: str, tmp_path: Path) -> None:
    path = PrivateFolder(tmp_path, nginx_location="/vton-private/").nginx_path(name)
    assert re.fullmatch(r"/vton-private/vton/[\w.%:-]+", path, re.ASCII)


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
@pytest.mark.django_db(transaction=True)
def test_nginx_sends_the_file_with_the_headers_of_the_view(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    folder: Path,
    tmp_path: Path,
    live_server: LiveServer,
) -> None:
    paths = addresses(guest, shirt, phone_photo())
    port = free_port()
    configuration = nginx_configuration(tmp_path, folder, port, live_server.url)
    assert NGINX
    with subprocess.Popen(
        [NGINX, "-p", str(tmp_path), "-c", str(configuration), "-g", "daemon off;"]
    ) as nginx:
        try:
            while not is_listening(port):
                assert nginx.poll() is None
            cookies = {name: morsel.value for name, morsel in guest.cookies.items()}
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", cookies=cookies) as browser:
                for path in paths:
                    look_through_nginx(browser, path, guest, folder)
                assert httpx.get(f"http://127.0.0.1:{port}{paths[0]}").status_code == 404
                inside = next(file for file in folder.rglob("*") if file.is_file()).relative_to(folder)
                assert browser.get(f"/vton-private/{inside}").status_code == 404
        finally:
            nginx.terminate()


def look_through_nginx(browser: httpx.Client, path: str, guest: Client, folder: Path) -> None:
    told = guest.get(path)
    data = (folder / told["X-Accel-Redirect"].removeprefix("/vton-private/")).read_bytes()
    answer = browser.get(path)
    assert (answer.status_code, answer.content) == (200, data)
    names = [*(name for name in HEADERS if name != "Accept-Ranges"), "Cache-Control", "Content-Disposition"]
    for name in (*names, "Content-Type", *{"Vary", "X-Robots-Tag"} & set(told.headers)):
        assert answer.headers.get_list(name) == [told[name]], name
    assert "X-Accel-Redirect" not in answer.headers
    part = browser.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, data[10:20])
    assert part.headers["X-Content-Type-Options"] == "nosniff"
    assert browser.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def nginx_configuration(scratch: Path, folder: Path, port: int, shop: str) -> Path:
    """Around the location that the storage's own documentation shows."""
    example = re.search(
        r"location /vton-private/ \{.*?\n    \}", inspect.getdoc(PrivateFolder) or "", re.DOTALL
    )
    assert example
    location = example[0].replace("/srv/shop/media-private/", f"{folder}/")
    assert str(folder) in location
    path = scratch / "nginx.conf"
    path.write_text(
        f"""
        {"user root;" if os.geteuid() == 0 else ""}
        pid {scratch}/nginx.pid; error_log stderr;
        events {{}}
        http {{
            access_log off; types {{ text/html jpg png; }}
            client_body_temp_path {scratch}/b; proxy_temp_path {scratch}/p; fastcgi_temp_path {scratch}/f;
            uwsgi_temp_path {scratch}/u; scgi_temp_path {scratch}/s;
            server {{
                listen 127.0.0.1:{port};
                location / {{ proxy_pass {shop}; }}
                {location}
            }}
        }}
        """
    )
    return path
