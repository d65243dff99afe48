"""Signature Version 2 in the URL: what botocore presigns by default is accepted, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ironworks.server import presigned_v2
from ironworks.server.errors import ServiceError
from ironworks.server.http import Body, Request
from ironworks.server.keys import Keys


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.open(tmp_path_factory.mktemp("keys") / "keys")


def presigned(
    keys: Keys,
    target: str,
    method: str = "GET",
    host: str = "127.0.0.1:8750",
    auth_path: str | None = None,
    credentials: Credentials | None = None,
    headers: dict[str, str] | None = None,
) -> Request:
    """A request as its sender's client makes it from the URL alone, with the headers that were signed."""
    request = AWSRequest(method, f"http://{host}{target}", headers=headers or {}, auth_path=auth_path)
    own = Credentials(keys.access_key_id, keys.secret_access_key)
    HmacV1QueryAuth(credentials or own, expires=60).add_auth(request)
    parts = urlsplit(request.url)
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    return Request(method, parts.path, parts.query, {"host": host, **sent}, nothing())


async def nothing() -> Body:
    yield b""


def refused(request: Request, keys: Keys, later: timedelta = timedelta()) -> str:
    now = datetime.now(timezone.utc) + later
    with pytest.raises(ServiceError) as raised:
        presigned_v2.verify(request, keys, now)
    assert raised.value.status == 403
    return raised.value.code


@pytest.mark.parametrize(
    "target",
    [
        "/bucket/key",
        "/bucket/a%20space%2B%C3%A4",
        "/bucket/key?versionId=null",
        "/bucket/key?response-content-disposition=attachment%3B%20filename%3Da.txt",
        "/bucket?prefix=a&delimiter=%2F",
        "/bucket?uploads",
    ],
)
def test_what_botocore_presigns_is_accepted(keys: Keys, target: str) -> None:
    request = presigned(keys, target)
    assert presigned_v2.matches(request)
    caller = presigned_v2.verify(request, keys, datetime.now(timezone.utc))
    assert (caller.service, caller.account) == ("s3", keys.account)


def test_a_bucket_in_the_hosts_name_is_signed_as_part_of_the_path(keys: Keys) -> None:
    host = "bucket.s3.us-west-2.amazonaws.com"
    presigned_v2.verify(
        presigned(keys, "/key", host=host, auth_path="/bucket/key"), keys, datetime.now(timezone.utc)
    )


def test_signed_headers_must_be_sent_as_they_were_signed(keys: Keys) -> None:
    headers = {"Content-Type": "text/plain", "x-amz-acl": "private"}
    request = presigned(keys, "/bucket/key", "PUT", headers=headers)
    presigned_v2.verify(request, keys, datetime.now(timezone.utc))
    request.headers = {**request.headers, "content-type": "text/html"}
    assert refused(request, keys) == "SignatureDoesNotMatch"


def test_temporary_keys_sign_too(keys: Keys) -> None:
    issued = keys.issue("role", "session", datetime.now(timezone.utc) + timedelta(hours=1))
    own = Credentials(issued.access_key_id, issued.secret_access_key, issued.session_token)
    request = presigned(keys, "/bucket/key", credentials=own)
    assert presigned_v2.verify(request, keys, datetime.now(timezone.utc)).role_name == "role"
    assert refused(request, keys, timedelta(hours=2)) == "InvalidAccessKeyId"


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/bucket/key"), ("GET", "/bucket/other"), ("GET", "/other/key")]
)
def test_another_method_or_object_is_refused(keys: Keys, method: str, path: str) -> None:
    request = presigned(keys, "/bucket/key")
    request.method, request.path = method, path
    assert refused(request, keys) == "SignatureDoesNotMatch"


def test_it_ends_at_its_time_and_that_time_cannot_be_moved(keys: Keys) -> None:
    request = presigned(keys, "/bucket/key")
    assert refused(request, keys, timedelta(seconds=90)) == "AccessDenied"
    request.query = request.query.replace("Expires=1", "Expires=2")
    assert refused(request, keys) == "SignatureDoesNotMatch"
    request.query = request.query.replace("Expires=2", "Expires=x2")
    assert refused(request, keys) == "AccessDenied"


def test_an_unknown_key_is_refused(keys: Keys) -> None:
    request = presigned(keys, "/bucket/key", credentials=Credentials("AKIAIOSFODNN7EXAMPLE", "secret"))
    assert refused(request, keys) == "InvalidAccessKeyId"


def test_other_requests_are_not_its_business(keys: Keys) -> None:
    request = presigned(keys, "/bucket/key")
    request.headers = {**request.headers, "authorization": "AWS4-HMAC-SHA256 …"}
    assert not presigned_v2.matches(request)
    assert not presigned_v2.matches(Request("GET", "/bucket/key", "Signature=x", {}, nothing()))
