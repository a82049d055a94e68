"""A certificate for tests, and a reader of C2PA manifests that is not the package's own."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

c2pa: Any = pytest.importorskip("c2pa")
x509: Any = pytest.importorskip("cryptography.x509")
ec: Any = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")
ed25519: Any = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
rsa: Any = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
hashes: Any = pytest.importorskip("cryptography.hazmat.primitives.hashes")
serialization: Any = pytest.importorskip("cryptography.hazmat.primitives.serialization")

KEYS = {
    "es256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "es384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ps256": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def create_certificate(folder: Path, kind: str = "es256", *, days: int = 30) -> dict[str, str]:
    """Write a certificate with its chain and its key; return the settings. It expires in `days`."""
    root_key, key = KEYS["es256"](), KEYS[kind]()
    root = _builder("Test root", root_key, "Test root", days, ca=True).sign(root_key, hashes.SHA256())
    purpose = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION])
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    leaf = _builder("Test shop", key, "Test root", days, ca=False)
    leaf = leaf.add_extension(purpose, critical=False).add_extension(issuer, critical=False)
    chain = [leaf.sign(root_key, hashes.SHA256()), root]
    pem = serialization.Encoding.PEM
    (folder / "chain.pem").write_bytes(b"".join(it.public_bytes(pem) for it in chain))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return {"C2PA_CERTIFICATE": str(folder / "chain.pem"), "C2PA_KEY": str(folder / "key.pem")}


def _builder(subject: str, key: Any, issuer: str, days: int, *, ca: bool) -> Any:
    now = datetime.now(UTC)
    allowed = {"key_cert_sign", "crl_sign"} if ca else {"digital_signature"}
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.KeyUsage(**{usage: usage in allowed for usage in USAGES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> Any:
    oid = x509.oid.NameOID
    parts = ((oid.COUNTRY_NAME, "DE"), (oid.ORGANIZATION_NAME, "Tests"), (oid.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(*part) for part in parts])


def read_manifests(data: bytes, content_type: str) -> list[dict[str, Any]]:
    """The manifests of a file, from the newest back through the ingredients. Assert that they are intact."""
    with c2pa.Reader(content_type, io.BytesIO(data)) as reader:
        store = json.loads(reader.json())
    assert store["validation_state"] == "Valid", store
    # A certificate for tests is on no list of trusted ones.
    assert {it["code"] for it in store.get("validation_status", [])} <= {"signingCredential.untrusted"}
    found, label = [], store["active_manifest"]
    while label:
        manifest = store["manifests"][label]
        found.append(manifest)
        label = next((it.get("active_manifest") for it in manifest.get("ingredients", [])), None)
    return found


def actions(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """The actions of a manifest and the last part of their digital source types."""
    (assertion,) = [it for it in manifest["assertions"] if it["label"].startswith("c2pa.actions")]
    return [
        (it["action"], it.get("digitalSourceType", "").rpartition("/")[2])
        for it in assertion["data"]["actions"]
    ]
