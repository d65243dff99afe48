import datetime
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from hypothesis import given
from hypothesis import strategies as st

from ironworks.errors import PlatformError
from ironworks.server import authority as module
from ironworks.server.authority import LEAF_LIFETIME, Authority, covers

HOST = "sts.us-west-2.amazonaws.com"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("installation") / "ca")


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> ssl.SSLObject:
    """Both sides of TLS, in memory; returns the client's."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(down, up, server_hostname=host)
    far = server.wrap_bio(up, down, server_side=True)
    pending = [near, far]
    for _ in range(10):
        for side in list(pending):
            try:
                side.do_handshake()
                pending.remove(side)
            except ssl.SSLWantReadError:
                pass
        if not pending:
            return near
    raise AssertionError("no end to the handshake")


def trusting(authority: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.ca_bundle))
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


@pytest.mark.parametrize(
    "host",
    [
        HOST,
        "bucket.with.dots.s3.cn-north-1.amazonaws.com.cn",
        "my_bucket.s3.amazonaws.com",
        f"{'b' * 63}.s3.us-west-2.amazonaws.com",
    ],
)
def test_a_strict_client_with_the_bundle_accepts_aws_hosts(authority: Authority, host: str) -> None:
    client = handshake(authority.context_for(host), trusting(authority), host)
    assert client.selected_alpn_protocol() == "http/1.1"
    certificate = client.getpeercert()
    assert certificate is not None
    assert certificate["subjectAltName"] == (("DNS", host),)


def test_a_leaf_is_for_its_host_alone(authority: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(authority.context_for(HOST), trusting(authority), "iam.amazonaws.com")


def test_a_client_without_the_bundle_refuses(authority: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(authority.context_for(HOST), ssl.create_default_context(cafile=certifi.where()), HOST)


@pytest.mark.parametrize("host", ["example.org", "amazonaws.com.evil.org", "notamazonaws.com", "127.0.0.1"])
def test_even_the_stolen_key_vouches_for_no_other_site(
    authority: Authority, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "covers", lambda host: True)
    context = Authority(authority.directory, authority.certificate, authority.key).context_for(host)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation|mismatch"):
        handshake(context, trusting(authority), host)


@pytest.mark.parametrize(
    "host", ["example.org", "amazonaws.com", "amazonaws.com.evil.org", "x.amazonaws.com.", ""]
)
def test_other_hosts_get_no_certificate(authority: Authority, host: str) -> None:
    with pytest.raises(ValueError, match="not a host of"):
        authority.context_for(host)


@given(st.text(alphabet="abc.-_*/:\n\x00@ü", max_size=40))
def test_covered_hosts_are_plain_host_names(prefix: str) -> None:
    host = f"{prefix}.amazonaws.com"
    if covers(host):
        assert all(label and len(label) < 64 for label in host.split("."))
        assert not set(host) & set("*/:\n\x00@ü")


def test_a_leaf_lives_less_than_398_days_and_names_its_issuer(authority: Authority) -> None:
    client = handshake(authority.context_for(HOST), trusting(authority), HOST)
    der = client.getpeercert(binary_form=True)
    assert der is not None
    leaf = x509.load_der_x509_certificate(der)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < datetime.timedelta(days=398)
    issuer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    root = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert issuer == root.digest


def test_the_authority_constrains_itself_critically(authority: Authority) -> None:
    constraints = authority.certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert [name.value for name in constraints.value.permitted_subtrees or []] == [
        "amazonaws.com",
        "amazonaws.com.cn",
    ]


def test_contexts_are_kept_and_bounded(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CACHED_HOSTS", 2)
    first = authority.context_for(HOST)
    authority.context_for("iam.amazonaws.com")
    assert authority.context_for(HOST) is first
    authority.context_for("s3.amazonaws.com")  # pushes out the one that was not used for longest: iam
    assert authority.context_for(HOST) is first
    assert len(authority._contexts) == 2


def test_a_leaf_is_renewed_before_it_ends(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    first = authority.context_for(HOST)
    later = datetime.datetime.now(datetime.timezone.utc) + LEAF_LIFETIME - datetime.timedelta(days=29)
    monkeypatch.setattr(module, "_now", lambda: later)
    assert authority.context_for(HOST) is not first


def test_key_and_folder_are_the_owners_alone_and_no_leaf_stays(authority: Authority) -> None:
    authority.context_for("logs.us-west-2.amazonaws.com")
    assert stat.S_IMODE(authority.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((authority.directory / "ca.key").stat().st_mode) == 0o600
    assert {path.name for path in authority.directory.iterdir()} == {"ca.key", "ca.pem", "bundle.pem"}


def test_opening_again_gives_the_same_authority(authority: Authority) -> None:
    before = authority.ca_bundle.stat().st_mtime_ns
    assert Authority.open(authority.directory).certificate == authority.certificate
    assert authority.ca_bundle.stat().st_mtime_ns == before


def test_the_bundle_follows_certifi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_text("new roots\n")
    monkeypatch.setattr(certifi, "where", lambda: str(roots))
    opened = Authority.open(tmp_path / "ca")
    assert opened.ca_bundle.read_bytes() == b"new roots\n" + (tmp_path / "ca" / "ca.pem").read_bytes()


def test_an_authority_at_its_end_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CA_LIFETIME", datetime.timedelta(days=100))
    old = Authority.open(tmp_path)
    monkeypatch.undo()
    new = Authority.open(tmp_path)
    assert new.certificate != old.certificate
    assert old.certificate.public_bytes(serialization.Encoding.PEM) not in new.ca_bundle.read_bytes()


@pytest.fixture
def two_folders(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    for name in ("one", "two"):
        Authority.open(tmp_path / name)
    yield tmp_path / "one", tmp_path / "two"


def test_a_damaged_key_says_what_to_do(two_folders: tuple[Path, Path]) -> None:
    (two_folders[0] / "ca.key").write_text("garbage")
    with pytest.raises(PlatformError, match="cannot be read.*Delete that folder"):
        Authority.open(two_folders[0])


def test_a_foreign_key_says_what_to_do(two_folders: tuple[Path, Path]) -> None:
    (two_folders[0] / "ca.key").write_bytes((two_folders[1] / "ca.key").read_bytes())
    with pytest.raises(PlatformError, match="do not belong together.*Delete that folder"):
        Authority.open(two_folders[0])


def test_the_authority_signs_with_sha256(authority: Authority) -> None:
    assert isinstance(authority.certificate.signature_hash_algorithm, hashes.SHA256)
