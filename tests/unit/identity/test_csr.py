"""Certificate requests as hostile input."""

from __future__ import annotations

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings, strategies as st

from meshweb.identity import keys
from meshweb.identity.csr import MAX_CSR_BYTES, CsrRefused, check_csr, make_csr

KEY = keys.make_key()
GOOD = make_csr(KEY)


def _pem(key: object, builder: x509.CertificateSigningRequestBuilder | None = None, algorithm: object = None) -> str:
    builder = builder or x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.sign(key, algorithm)  # type: ignore[arg-type]  # every kind of key is tried
    return request.public_bytes(serialization.Encoding.PEM).decode()


def test_cve_2022_40716_cve_2026_115369_only_the_public_key_is_taken() -> None:
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "admin")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://x/ns/a/sa/b")]), critical=True)
    )
    found = check_csr(_pem(KEY, builder, hashes.SHA256()))
    assert keys.public_key_sha256(found) == keys.public_key_sha256(KEY.public_key())


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)],
    ids=["p384", "rsa2048"],
)
def test_accepted_keys(key: object) -> None:
    check_csr(_pem(key, algorithm=hashes.SHA256()))


@pytest.mark.parametrize(
    ("pem", "text"),
    [
        (_pem(ec.generate_private_key(ec.SECP521R1()), algorithm=hashes.SHA256()), "curve secp521r1"),
        (_pem(ec.generate_private_key(ec.SECP256K1()), algorithm=hashes.SHA256()), "curve secp256k1"),
        (_pem(rsa.generate_private_key(65537, 1024), algorithm=hashes.SHA256()), "2048 to 4096"),
        (_pem(rsa.generate_private_key(3, 2048), algorithm=hashes.SHA256()), "65537"),
        (_pem(ed25519.Ed25519PrivateKey.generate()), "SHA-256"),
        (_pem(dsa.generate_private_key(1024), algorithm=hashes.SHA256()), "not accepted"),
        (GOOD + GOOD, "exactly one"),
        ("", "exactly one"),
        (GOOD.replace("CERTIFICATE REQUEST", "CERTIFICATE"), "exactly one"),
        ("Bag Attributes\n" + GOOD, "exactly one"),
        (GOOD + " " * MAX_CSR_BYTES, "larger"),
    ],
)
def test_refused(pem: str, text: str) -> None:
    with pytest.raises(CsrRefused, match=text):
        check_csr(pem)


def test_signature_of_another_key() -> None:
    der = bytearray(x509.load_pem_x509_csr(GOOD.encode()).public_bytes(serialization.Encoding.DER))
    other = x509.load_pem_x509_csr(make_csr(keys.make_key()).encode())
    mine = keys.public_key_der(KEY.public_key())
    assert mine in der
    forged = bytes(der).replace(mine, keys.public_key_der(other.public_key()))
    request = x509.load_der_x509_csr(forged)
    with pytest.raises(CsrRefused, match="signature"):
        check_csr(request.public_bytes(serialization.Encoding.PEM))


@given(st.binary(max_size=600))
def test_random_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(CsrRefused):
        check_csr(raw)


@settings(max_examples=300)
@given(st.data())
def test_mutated_requests_are_refused_or_prove_the_same_key(data: st.DataObject) -> None:
    der = bytearray(x509.load_pem_x509_csr(GOOD.encode()).public_bytes(serialization.Encoding.DER))
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    pem = b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(bytes(der)) + b"-----END CERTIFICATE REQUEST-----\n"
    try:
        found = check_csr(pem)
    except CsrRefused:
        return
    assert keys.public_key_sha256(found) == keys.public_key_sha256(KEY.public_key())
