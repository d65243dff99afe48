"""`GET /metrics`, and who may."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ironworks.errors import PlatformError
from ironworks.server.http import Body, Request
from ironworks.server.metrics.page import matches, open_token
from tests.server.wire import REGION, Wire


def get(wire: Wire, authorization: str | None, path: str = "/metrics") -> tuple[int, str, str]:
    """Status, content type and text."""
    headers = {} if authorization is None else {"Authorization": authorization}
    request = urllib.request.Request(wire.url + path, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_who_has_the_token_sees_the_metrics(wire: Wire) -> None:
    token = wire.home.metrics_token.read_text()
    for authorization in (f"Bearer {token}", f"bearer {token}"):
        status, kind, text = get(wire, authorization)
        assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert "process_resident_memory_bytes " in text


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", "Basic dG9rZW4=", "Bearer \xff"]
)
def test_who_has_it_not_is_told_where_it_is(wire: Wire, authorization: str | None) -> None:
    status, _, text = get(wire, authorization)
    assert status == 401 and "metrics.token" in text and wire.home.metrics_token.read_text() not in text


def test_a_bucket_may_be_called_metrics(wire: Wire) -> None:
    s3 = wire.client("s3")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.list_objects(Bucket="metrics")
    s3.create_bucket(Bucket="metrics", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="metrics", Key="k", Body=b"1")
    assert [entry["Key"] for entry in s3.list_objects(Bucket="metrics")["Contents"]] == ["k"]
    assert "InvalidAccessKeyId" in get(wire, None, "/metrics?AWSAccessKeyId=a&Signature=b&Expires=1")[2]


async def _nothing() -> Body:
    yield b""


@pytest.mark.parametrize(
    ("method", "path", "query", "authorization", "ours"),
    [
        ("GET", "/metrics", "", "", True),
        ("GET", "/metrics", "", "Bearer x", True),
        ("GET", "/metrics", "", "AWS4-HMAC-SHA256 Credential=x", False),
        ("GET", "/metrics", "", "AWS key:signature", False),
        ("GET", "/metrics", "list-type=2", "", False),
        ("PUT", "/metrics", "", "", False),
        ("GET", "/metrics/key", "", "", False),
    ],
)
def test_what_asks_for_the_metrics(
    method: str, path: str, query: str, authorization: str, ours: bool
) -> None:
    request = Request(method, path, query, {"authorization": authorization}, _nothing())
    assert matches(request) is ours


def test_the_token_is_the_owners_alone_and_stays(tmp_path: Path) -> None:
    token = open_token(tmp_path / "token")
    assert len(token) >= 40
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert open_token(tmp_path / "token") == token


def test_a_token_of_ones_own_may_end_with_a_newline(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("mine\n")
    assert open_token(tmp_path / "token") == "mine"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff"])
def test_a_token_that_cannot_be_used_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(PlatformError, match=r"token.*Delete"):
        open_token(tmp_path / "token")
