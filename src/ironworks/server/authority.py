"""The certificate authority of one installation, with which the gateway speaks for AWS's hosts.

It can vouch for nothing but `amazonaws.com` and `amazonaws.com.cn`: the constraint is written into its own
certificate (RFC 5280, 4.2.1.10), so even a stolen key opens no other site.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
import secrets
import ssl
import tempfile
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ironworks.errors import PlatformError
from ironworks.server.trust import CERTIFICATE, replace, write_bundle

KEY = "ca.key"
DOMAINS = ("amazonaws.com", "amazonaws.com.cn")
CA_LIFETIME = datetime.timedelta(days=3650)
LEAF_LIFETIME = datetime.timedelta(days=396)
"""Below the 398 days that clients accept of a server's certificate (CA/Browser Forum, ballot SC31)."""

_RENEWAL = datetime.timedelta(days=30)
_CLOCK_SKEW = datetime.timedelta(days=1)
_CACHED_HOSTS = 128
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+amazonaws\.com(\.cn)?")
_ALL_ADDRESSES = [x509.IPAddress(ipaddress.ip_network(network)) for network in ("0.0.0.0/0", "::/0")]
_PEM = serialization.Encoding.PEM
_REMEDY = 'Delete that folder, start the server again, and repeat: eval "$(ironworks env)".'


def covers(host: str) -> bool:
    """Whether `host` (lower case) is one of AWS's, for which the authority issues certificates."""
    return _HOST.fullmatch(host) is not None


@dataclass
class Authority:
    """The CA's key and certificate. Leaf certificates are made when a host is first asked for, in memory."""

    directory: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    _leaf_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    _contexts: OrderedDict[str, tuple[ssl.SSLContext, datetime.datetime]] = field(default_factory=OrderedDict)

    @classmethod
    def open(cls, directory: Path) -> Authority:
        """Read the authority in `directory`; make it at first use, and anew when its time runs out.

        Also brings `ca_bundle` up to date with certifi and the certificate.

        Raises:
            PlatformError: the files are there and cannot be used.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = _read(directory)
        if found is None or found[0].not_valid_after_utc < _now() + LEAF_LIFETIME:
            found = _create(directory)
        authority = cls(directory, *found)
        write_bundle(Path(certifi.where()), directory / CERTIFICATE, authority.ca_bundle)
        return authority

    @property
    def ca_bundle(self) -> Path:
        """PEM file: certifi's roots and this authority, so that other HTTPS goes on verifying."""
        return self.directory / "bundle.pem"

    def context_for(self, host: str) -> ssl.SSLContext:
        """The server's side of TLS as `host` (lower case), HTTP/1.1 alone.

        Raises:
            ValueError: `host` is not one of AWS's.
        """
        if not covers(host):
            raise ValueError(f"{host} is not a host of {' or '.join(DOMAINS)}")
        context, renewal = self._contexts.pop(host, (None, _now()))
        if context is None or renewal <= _now():
            context, renewal = self._make_context(host), _now() + LEAF_LIFETIME - _RENEWAL
        self._contexts[host] = (context, renewal)
        if len(self._contexts) > _CACHED_HOSTS:
            self._contexts.popitem(last=False)
        return context

    def _make_context(self, host: str) -> ssl.SSLContext:
        leaf = _issue_leaf(host, self._leaf_key, self.certificate, self.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        # ssl loads keys from files only. This one is deleted at once, and what it holds is of no use
        # without a password that never leaves this function.
        password = secrets.token_hex(32).encode()
        encryption = serialization.BestAvailableEncryption(password)
        with tempfile.NamedTemporaryFile(dir=self.directory) as file:
            file.write(self._leaf_key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, encryption))
            file.write(leaf.public_bytes(_PEM))
            file.flush()
            context.load_cert_chain(file.name, password=password)
        return context


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _read(directory: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
    """The certificate and key in `directory`, or None when there are none yet."""
    try:
        certificate = x509.load_pem_x509_certificate((directory / CERTIFICATE).read_bytes())
        key = serialization.load_pem_private_key((directory / KEY).read_bytes(), password=None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise PlatformError(
            f"The certificate authority in {directory} cannot be read ({error!r}). {_REMEDY}"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise PlatformError(f"The key and the certificate in {directory} do not belong together. {_REMEDY}")
    return certificate, key


def _create(directory: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _issue_root(key)
    plain = serialization.NoEncryption()
    replace(directory / KEY, key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, plain), mode=0o600)
    replace(directory / CERTIFICATE, certificate.public_bytes(_PEM))
    return certificate, key


def _issue_root(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ironworks"),
            # Distinct per authority: OpenSSL looks issuers up by name, and a client may trust several.
            x509.NameAttribute(NameOID.COMMON_NAME, f"Ironworks local authority {secrets.token_hex(4)}"),
        ]
    )
    return (
        _certificate(name, name, key.public_key(), CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(
            x509.NameConstraints([x509.DNSName(domain) for domain in DOMAINS], _ALL_ADDRESSES), critical=True
        )
        .sign(key, hashes.SHA256())
    )


def _issue_leaf(
    host: str,
    leaf_key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    # The host is in the alternative name alone: a common name ends at 64 characters, bucket hosts do not.
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ironworks")])
    return (
        _certificate(subject, issuer.subject, leaf_key.public_key(), LEAF_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .sign(issuer_key, hashes.SHA256())
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, lifetime: datetime.timedelta
) -> x509.CertificateBuilder:
    now = _now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
