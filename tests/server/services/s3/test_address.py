from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ironworks.server.errors import ServiceError
from ironworks.server.http import Request
from ironworks.server.services.s3.address import Address, locate, parse_copy_source, query_of


async def nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def request(path: str, query: str = "", host: str = "127.0.0.1:8750") -> Request:
    return Request("GET", path, query, {"host": host}, nothing())


@pytest.mark.parametrize(
    ("path", "host", "bucket", "key"),
    [
        ("/", "127.0.0.1:8750", None, None),
        ("/b", "127.0.0.1:8750", "b", None),
        ("/b/", "localhost:8750", "b", None),
        ("/b/a%20b/%C3%A9+%2F", "127.0.0.1", "b", "a b/é+/"),
        ("/b//a/../c/", "127.0.0.1", "b", "/a/../c/"),
        ("/b/k", "s3.us-west-2.amazonaws.com", "b", "k"),
        ("/k/l", "b.s3.us-west-2.amazonaws.com", "b", "k/l"),
        ("/k", "b.s3-us-west-2.amazonaws.com", "b", "k"),
        ("/", "b.s3.amazonaws.com:443", "b", None),
        ("/k", "dotted.name.s3.amazonaws.com", "dotted.name", "k"),
        ("/k", "b.s3.dualstack.cn-north-1.amazonaws.com.cn", "b", "k"),
    ],
)
def test_bucket_and_key_are_found_in_path_or_host(path: str, host: str, bucket: str, key: str) -> None:
    assert locate(request(path, host=host)) == Address(bucket, key)


def test_what_is_not_utf8_is_an_invalid_uri() -> None:
    for call in (lambda: locate(request("/b/%ff")), lambda: query_of(request("/b", "prefix=%ff"))):
        with pytest.raises(ServiceError) as caught:
            call()
        assert caught.value.code == "InvalidURI"


def test_signature_is_not_part_of_the_query() -> None:
    assert query_of(request("/b", "X-Amz-Signature=1&prefix=a+b%2B&uploads")) == {
        "prefix": "a b+",
        "uploads": "",
    }


def test_copy_source_is_decoded() -> None:
    assert parse_copy_source("b/a%20b%3F") == ("b", "a b?")
    assert parse_copy_source("/b/k?versionId=null") == ("b", "k")
    for source, code in (
        ("b", "InvalidArgument"),
        ("/", "InvalidArgument"),
        ("b/k?versionId=1", "NoSuchVersion"),
    ):
        with pytest.raises(ServiceError) as caught:
            parse_copy_source(source)
        assert caught.value.code == code
