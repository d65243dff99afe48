"""Signatures: what botocore signs is accepted, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ironworks.server import signature
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.http import Body, Request
from ironworks.server.keys import Keys

HOST = "127.0.0.1:8750"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.open(tmp_path_factory.mktemp("keys") / "keys")


def signed(
    auth: type, keys: Keys, service: str, method: str, target: str, body: bytes = b"", **options: object
) -> AWSRequest:
    request = AWSRequest(method, f"http://{HOST}{target}", headers={"Host": HOST}, data=body)
    credentials = options.pop("credentials", Credentials(keys.access_key_id, keys.secret_access_key))
    auth(credentials, service, "us-west-2", **options).add_auth(request)
    return request


def received(request: AWSRequest, body: bytes | None = None) -> Request:
    parts = urlsplit(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request(
        request.method, parts.path, parts.query, headers, chunks(request.data if body is None else body)
    )


async def chunks(body: bytes) -> Body:
    for start in range(0, len(body), 7):
        yield body[start : start + 7]


def verify(request: Request, keys: Keys, now: datetime | None = None) -> tuple[Caller, bytes]:
    async def run() -> tuple[Caller, bytes]:
        parsed = signature.parse(request)
        assert parsed is not None
        caller = await signature.verify(request, parsed, keys, now or datetime.now(timezone.utc))
        return caller, await request.read(1000)

    return asyncio.run(run())


def code(request: Request, keys: Keys, now: datetime | None = None) -> tuple[str, int]:
    with pytest.raises(ServiceError) as raised:
        verify(request, keys, now)
    return raised.value.code, raised.value.status


def test_header_signature_of_a_json_service(keys: Keys) -> None:
    caller, body = verify(received(signed(SigV4Auth, keys, "sagemaker", "POST", "/", b'{"a": 1}')), keys)
    assert (caller.service, caller.region, caller.account) == ("sagemaker", "us-west-2", keys.account)
    assert body == b'{"a": 1}'


def test_path_of_other_services_is_encoded_twice(keys: Keys) -> None:
    verify(received(signed(SigV4Auth, keys, "sagemaker", "POST", "/endpoints/a%20b/invocations", b"x")), keys)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(key=st.text(min_size=1, max_size=30), value=st.text(max_size=20))
def test_s3_signature_of_any_key_and_query(keys: Keys, key: str, value: str) -> None:
    from urllib.parse import quote

    try:
        target = f"/bucket/{quote(key, safe='/~')}?prefix={quote(value, safe='-_.~')}&uploads"
    except UnicodeEncodeError:
        return
    verify(received(signed(S3SigV4Auth, keys, "s3", "GET", target)), keys)


@pytest.mark.parametrize(("auth", "service"), [(S3SigV4QueryAuth, "s3"), (SigV4QueryAuth, "sts")])
def test_presigned_url(keys: Keys, auth: type, service: str) -> None:
    request = signed(auth, keys, service, "GET", "/?Action=GetCallerIdentity", expires=60)
    verify(received(request), keys)
    late = datetime.now(timezone.utc) + timedelta(seconds=90)
    expected = ("AccessDenied", 403) if service == "s3" else ("RequestExpired", 400)
    assert code(received(request), keys, late) == expected


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("s3", ("SignatureDoesNotMatch", 403)),
        ("sts", ("SignatureDoesNotMatch", 403)),
        ("sagemaker", ("InvalidSignatureException", 400)),
    ],
)
def test_wrong_secret(keys: Keys, service: str, expected: tuple[str, int]) -> None:
    wrong = Credentials(keys.access_key_id, "wrong")
    auth = S3SigV4Auth if service == "s3" else SigV4Auth
    assert code(received(signed(auth, keys, service, "POST", "/", credentials=wrong)), keys) == expected


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("s3", ("InvalidAccessKeyId", 403)),
        ("iam", ("InvalidClientTokenId", 403)),
        ("logs", ("UnrecognizedClientException", 400)),
    ],
)
def test_unknown_key(keys: Keys, service: str, expected: tuple[str, int]) -> None:
    stranger = Credentials("AKIASTRANGER", "secret")
    auth = S3SigV4Auth if service == "s3" else SigV4Auth
    assert code(received(signed(auth, keys, service, "POST", "/", credentials=stranger)), keys) == expected


@pytest.mark.parametrize("minutes", [-16, 16])
def test_clock_that_is_off_by_more_than_15_minutes(keys: Keys, minutes: int) -> None:
    now = datetime.now(timezone.utc)
    request = signed(SigV4Auth, keys, "sagemaker", "POST", "/")
    assert code(received(request), keys, now + timedelta(minutes=minutes)) == ("RequestExpired", 400)
    verify(received(request), keys, now + timedelta(minutes=14 if minutes > 0 else -14))


def test_changed_body_is_noticed(keys: Keys) -> None:
    request = signed(SigV4Auth, keys, "sagemaker", "POST", "/", b"honest")
    assert code(received(request, b"forged"), keys)[0] == "InvalidSignatureException"


def test_changed_s3_body_is_noticed_when_it_has_been_read(keys: Keys) -> None:
    request = signed(S3SigV4Auth, keys, "s3", "PUT", "/b/k", b"honest")
    request.headers["X-Amz-Content-SHA256"]  # S3 signs the hash in a header
    assert code(received(request, b"forged"), keys) == ("XAmzContentSHA256Mismatch", 400)


@pytest.mark.parametrize("declared", ["", "anything", "A" * 64, "0" * 63])
def test_payload_hash_that_is_none_is_refused(keys: Keys, declared: str) -> None:
    request = received(signed(S3SigV4Auth, keys, "s3", "PUT", "/b/k", b"body"))
    request.headers = {**request.headers, "x-amz-content-sha256": declared}
    assert code(request, keys) == ("InvalidArgument", 400)


def test_changed_header_path_and_query_are_noticed(keys: Keys) -> None:
    for change in ("header", "path", "query"):
        request = received(signed(S3SigV4Auth, keys, "s3", "GET", "/b/k?a=1"))
        if change == "header":
            request.headers = {**request.headers, "host": "elsewhere"}
        elif change == "path":
            request.path = "/b/other"
        else:
            request.query = "a=2"
        assert code(request, keys)[0] == "SignatureDoesNotMatch"


def test_temporary_credentials_until_they_expire(keys: Keys) -> None:
    now = datetime.now(timezone.utc)
    issued = keys.issue("Auditor", "me", now + timedelta(minutes=10))
    credentials = Credentials(issued.access_key_id, issued.secret_access_key, issued.session_token)
    request = signed(SigV4Auth, keys, "sts", "POST", "/", credentials=credentials)
    caller, _ = verify(received(request), keys)
    assert (caller.role_name, caller.session_name) == ("Auditor", "me")
    late = now + timedelta(minutes=11)
    assert code(received(request), keys, late) == ("InvalidClientTokenId", 403)


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic abc", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=x", "AWS a:b"],
)
def test_malformed_header(keys: Keys, authorization: str) -> None:
    request = Request("POST", "/", "", {"authorization": authorization}, chunks(b""))
    assert code(request, keys) == ("IncompleteSignature", 400)


def test_malformed_presigned_url_and_date(keys: Keys) -> None:
    request = Request("GET", "/", "X-Amz-Signature=0&X-Amz-Expires=9", {}, chunks(b""))
    assert code(request, keys)[0] == "AuthorizationQueryParametersError"
    dated = received(signed(SigV4Auth, keys, "sts", "POST", "/"))
    dated.headers = {**dated.headers, "x-amz-date": "yesterday"}
    assert code(dated, keys)[0] == "IncompleteSignature"


def test_request_without_signature_has_none(tmp_path: Path) -> None:
    assert signature.parse(Request("GET", "/", "a=b", {}, chunks(b""))) is None


def test_text_beyond_ascii_in_a_signature_is_refused(keys: Keys) -> None:
    request = received(signed(SigV4Auth, keys, "sagemaker", "POST", "/"))
    head = request.headers["authorization"].rpartition("=")[0]
    request.headers = {**request.headers, "authorization": f"{head}=\u00e9"}
    assert code(request, keys)[0] == "InvalidSignatureException"
    url = received(signed(S3SigV4QueryAuth, keys, "s3", "GET", "/b/k", expires=60))
    url.query = url.query.rpartition("=")[0] + "=%C3%A9"
    assert code(url, keys)[0] == "SignatureDoesNotMatch"
    url.query = url.query.replace(f"%2F{datetime.now(timezone.utc):%Y%m%d}%2F", "%2F" + "%D9%A2" * 8 + "%2F")
    assert code(url, keys)[0] == "AuthorizationQueryParametersError"


@pytest.mark.parametrize(
    ("auth", "service", "expected"),
    [
        (S3SigV4QueryAuth, "s3", ("AccessDenied", 403)),
        (SigV4Auth, "sts", ("SignatureDoesNotMatch", 403)),
        (SigV4Auth, "sagemaker", ("InvalidSignatureException", 400)),
    ],
)
def test_headers_of_aws_that_were_not_signed_are_refused(
    keys: Keys, auth: type, service: str, expected: tuple[str, int]
) -> None:
    request = received(signed(auth, keys, service, "PUT", "/b/k"))
    request.headers = {**request.headers, "x-amz-copy-source": "/secrets/key", "user-agent": "any"}
    assert code(request, keys) == expected


def test_host_must_be_signed(keys: Keys) -> None:
    request = received(signed(SigV4Auth, keys, "sagemaker", "POST", "/"))
    authorization = request.headers["authorization"].replace("host;", "")
    request.headers = {**request.headers, "authorization": authorization}
    with pytest.raises(ServiceError, match="must be signed and are not: host"):
        verify(request, keys)


def test_key_of_another_day_is_refused(keys: Keys) -> None:
    request = received(signed(SigV4Auth, keys, "sagemaker", "POST", "/"))
    today = request.headers["x-amz-date"][:8]
    authorization = request.headers["authorization"].replace(f"/{today}/", "/20200101/")
    request.headers = {**request.headers, "authorization": authorization}
    with pytest.raises(ServiceError, match="20200101 in the credential"):
        verify(request, keys)
