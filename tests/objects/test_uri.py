from __future__ import annotations

import pytest

from ironworks.errors import ClientError
from ironworks.objects import parse_s3_uri


@pytest.mark.parametrize(
    ("uri", "bucket", "key"),
    [
        ("s3://bucket/a/b.gz", "bucket", "a/b.gz"),
        ("s3://bucket/a/", "bucket", "a/"),
        ("s3://bucket//a", "bucket", "/a"),
        ("s3://bucket/", "bucket", ""),
        ("s3://bucket", "bucket", ""),
    ],
)
def test_uri_is_split_at_the_first_slash(uri: str, bucket: str, key: str) -> None:
    assert parse_s3_uri(uri) == (bucket, key)


@pytest.mark.parametrize("uri", ["", "bucket/key", "https://bucket/key", "s3:/bucket/key", "s3:///key"])
def test_what_is_no_s3_uri_is_refused_with_the_right_form(uri: str) -> None:
    with pytest.raises(ClientError, match="s3://BUCKET/KEY"):
        parse_s3_uri(uri)
