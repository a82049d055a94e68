import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from django_vton.pixazo.client import PixazoClient

KEY = "0123456789abcdef-KEY-CANARY"


@pytest.fixture
def connect() -> Callable[..., PixazoClient]:
    """A factory for clients with the sandbox's settings, which a test can override."""

    def make(base_url: str = "https://gateway.pixazo.ai", **options: object) -> PixazoClient:
        return PixazoClient(**{"base_url": base_url, "api_key": KEY, "loopback": True, **options})  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for results.test and its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    key, crt, both = folder / "key.pem", folder / "crt.pem", folder / "both.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=results.test", "-addext", "subjectAltName=DNS:results.test"),
            *("-keyout", key, "-out", crt),
        ],
        check=True,
        capture_output=True,
    )
    both.write_bytes(key.read_bytes() + crt.read_bytes())
    return both


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def client_tls(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)
