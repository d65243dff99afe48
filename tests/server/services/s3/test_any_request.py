"""Whatever a signed request asks for, the answer is S3's, and never that the server failed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import botocore.session
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.services.s3.conftest import Raw

BUCKET = "any-request"
SAMPLES = "sagemaker-sample-data-us-west-2"


def _names(location: str) -> list[str]:
    """The headers, or members of a query, by which some operation of the model is asked."""
    model = botocore.session.Session().get_service_model("s3")
    operations = [model.operation_model(name) for name in model.operation_names]
    members = [
        member.serialization
        for operation in operations
        if operation.input_shape is not None
        for member in operation.input_shape.members.values()
    ]
    names = {member["name"] for member in members if member.get("location") == location}
    if location == "querystring":
        paths = [urlsplit(operation.http["requestUri"]).query for operation in operations]
        names |= {part.partition("=")[0] for path in paths for part in path.split("&") if part}
    return sorted(names)


UNSENT = {"Content-Length", "Content-Type"}
"""The first would lie about the body, the second is `raw`'s to set."""

# fmt: off
WORDS = (
    "", "0", "1", "-1", "2", "1000", "9223372036854775807", "9" * 20, "9" * 5000, "*", '"x"', "true", "null", "CRC32",
    "SHA256", "FULL_OBJECT", "COMPOSITE", "url", "REPLACE", "COPY", "ENABLED", "ETag,ObjectParts", "aws-chunked",
    "bytes=0-1", "bytes=-1", "bytes=9-", f"bytes={'9' * 5000}-", "a=b&c=d", "%FF", "%00", "2026-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59", "Mon, 01 Jan 0001 00:00:00 +2359", "AAAAAA==", "AES256", "x-amz-checksum-crc32",
    "/any-request/key", "any-request/%C3%A9 %00", "key", "/", "a" * 3000,
)
PATHS = (
    "/", "//", f"/{BUCKET}", f"/{BUCKET}", f"/{BUCKET}/", f"/{BUCKET}/key", f"/{BUCKET}/key", f"/{BUCKET}/%00",
    f"/{BUCKET}/a/../b", f"/{SAMPLES}", f"/{SAMPLES}/mxnet/mnist/train/images.gz", "/%FF", "/.samples/key",
    "/UPPER/key",
)
TAGS = (
    "Delete", "Object", "Key", "VersionId", "Size", "Tagging", "TagSet", "Tag", "Value", "CompleteMultipartUpload",
    "Part", "PartNumber", "ETag", "CreateBucketConfiguration", "LocationConstraint",
)
SHA256 = (
    "UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "0" * 64,
    "nonsense",
)
METHODS = ("GET", "GET", "PUT", "PUT", "POST", "POST", "HEAD", "DELETE", "PATCH", "OPTIONS")
# fmt: on

VALUES = st.sampled_from(WORDS) | st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, blacklist_categories=["Cc"]), max_size=20
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [*(set(_names("header")) - UNSENT), "x-amz-meta-a", "x-amz-trailer", "x-amz-decoded-content-length"]
    ),
    VALUES.map(str.strip),
    max_size=3,
)
QUERIES = st.dictionaries(
    st.sampled_from([*_names("querystring"), "x-amz-meta-a", "x-amz-checksum-crc32"]),
    VALUES | st.text(max_size=5),
    max_size=3,
)


def _element(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda tag, inner: f"<{tag}>{''.join(inner)}</{tag}>",
        st.sampled_from(TAGS),
        st.lists(children, max_size=3),
    )


BODIES = st.one_of(
    st.just(b""),
    st.binary(max_size=50),
    st.recursive(st.sampled_from(["", "key", "1", "-1", "&#233;", "&lt;"]), _element, max_leaves=8).map(
        str.encode
    ),
    st.sampled_from(
        [
            b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
            b"<Delete><Object><Key/></Object></Delete>",
        ]
    ),
)


@pytest.fixture(scope="module", autouse=True)
def bucket_with_an_object(client: Any) -> None:
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    client.put_object(Bucket=BUCKET, Key="key", Body=b"hello")


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    method=st.sampled_from(METHODS),
    path=st.sampled_from(PATHS),
    query=QUERIES,
    headers=HEADERS,
    sha256=st.sampled_from(SHA256),
    body=BODIES,
)
def test_any_signed_request_gets_an_answer_in_s3s_form(
    raw: Raw, method: str, path: str, query: dict[str, str], headers: dict[str, str], sha256: str, body: bytes
) -> None:
    members = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query.items()
    )
    answer = raw(
        method, f"{path}?{members}" if members else path, {**headers, "X-Amz-Content-SHA256": sha256}, body
    )
    assert answer.status not in (500, 502)
    if answer.status >= 400 and method != "HEAD":
        error = ElementTree.fromstring(answer.body)
        assert (error.tag, bool(error.findtext("Code")), bool(error.findtext("Message"))) == (
            "Error",
            True,
            True,
        )
