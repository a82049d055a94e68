"""Files that nginx sends: the view names the file in X-Accel-Redirect, and only nginx sees its path."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile

from django_vton.models import PersonPhoto
from django_vton.storage import PrivateFileSystemStorage
from tests.live_shop import free_port, is_listening
from tests.remote_storage import create_file_urls
from tests.tryons import error_code
from tests.web.files import SECURITY_HEADERS

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    from shop.models import Product
    from tests.conftest import PhotoMaker
    from tests.intake_helpers import StoredFiles

pytestmark = pytest.mark.django_db

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


@pytest.fixture
def folder(settings: Settings, files: StoredFiles) -> Path:
    options = {"location": files.root, "nginx_location": "/vton-private/"}
    private = {"BACKEND": "django_vton.storage.PrivateFileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "vton": private}
    return files.root


def test_the_view_names_the_file_in_x_accel_redirect(
    guest: Client, stranger: Client, shirt: Product, phone_photo: PhotoMaker, folder: Path
) -> None:
    paths = create_file_urls(guest, shirt, phone_photo())
    for path in paths:
        response = guest.get(path)
        assert (response.status_code, response.content, response.streaming) == (200, b"", False)
        name = response["X-Accel-Redirect"].removeprefix("/vton-private/")
        assert (folder / name).is_file()
        assert {header: response[header] for header in SECURITY_HEADERS if header != "Accept-Ranges"} == {
            header: value for header, value in SECURITY_HEADERS.items() if header != "Accept-Ranges"
        }
        assert "Accept-Ranges" not in response  # nginx adds it.
        assert response["Content-Type"] in {"image/jpeg", "image/png"}
        assert response["Content-Disposition"].startswith("inline; filename=")
        if "/files/" not in path:
            refused = stranger.get(path)
            assert (refused.status_code, "X-Accel-Redirect" in refused) == (404, False)

    shutil.rmtree(folder)
    assert {error_code(guest.get(path)) for path in paths} == {(404, "not_found")}


def test_nginxs_group_may_read_the_files(folder: Path) -> None:
    photo = PersonPhoto()
    photo.file.save("a.jpg", ContentFile(b"one"), save=False)
    path = Path(photo.file.path)
    assert path.is_relative_to(folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert {stat.S_IMODE(part.stat().st_mode) for part in [path.parent, path.parent.parent]} == {0o750}


@pytest.mark.parametrize(
    "location", ["vton", "/", "/vton", "//evil.example/", "https://evil.example/", "/a b/", "/a/\n"]
)
def test_nginx_location_must_be_a_path(location: str, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="nginx_location"):
        PrivateFileSystemStorage(tmp_path, nginx_location=location)


@pytest.mark.parametrize("name", ["vton/a b?c#d%2e.jpg", "vton/ä.jpg", "vton/a\r\nSet-Cookie: x.jpg"])
def test_a_file_name_cannot_leave_the_location(name: str, tmp_path: Path) -> None:
    path = PrivateFileSystemStorage(tmp_path, nginx_location="/vton-private/").nginx_path(name)
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
    paths = create_file_urls(guest, shirt, phone_photo())
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
                    assert_same_through_nginx(browser, path, guest, folder)
                assert httpx.get(f"http://127.0.0.1:{port}{paths[0]}").status_code == 404
                inside = next(file for file in folder.rglob("*") if file.is_file()).relative_to(folder)
                assert browser.get(f"/vton-private/{inside}").status_code == 404
        finally:
            nginx.terminate()


def assert_same_through_nginx(browser: httpx.Client, path: str, guest: Client, folder: Path) -> None:
    direct = guest.get(path)
    data = (folder / direct["X-Accel-Redirect"].removeprefix("/vton-private/")).read_bytes()
    response = browser.get(path)
    assert (response.status_code, response.content) == (200, data)
    names = [
        *(name for name in SECURITY_HEADERS if name != "Accept-Ranges"),
        "Cache-Control",
        "Content-Disposition",
    ]
    for name in (*names, "Content-Type", *{"Vary", "X-Robots-Tag"} & set(direct.headers)):
        assert response.headers.get_list(name) == [direct[name]], name
    assert "X-Accel-Redirect" not in response.headers
    part = browser.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, data[10:20])
    assert part.headers["X-Content-Type-Options"] == "nosniff"
    assert browser.get(path, headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


def nginx_configuration(scratch: Path, folder: Path, port: int, shop: str) -> Path:
    """A configuration with the `location` of the storage's docstring."""
    example = re.search(
        r"location /vton-private/ \{.*?\n    \}", inspect.getdoc(PrivateFileSystemStorage) or "", re.DOTALL
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
