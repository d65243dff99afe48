from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironworks.server.aws_chunked import LARGEST_SIGNED_CHUNK, LONGEST_LINE, AwsChunked
from ironworks.server.call import ChunkSigning
from ironworks.server.errors import ServiceError


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def decode(
    body: bytes, signing: ChunkSigning | None = None, size: int = 65536
) -> tuple[bytes, dict[str, str]]:
    async def run() -> tuple[bytes, dict[str, str]]:
        chunked = AwsChunked(pieces(body, size), signing)
        return b"".join([piece async for piece in chunked]), chunked.trailers

    return asyncio.run(run())


def signing(seed: str) -> ChunkSigning:
    """The signing key of AWS's published example."""
    key = b"AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    for part in (b"20130524", b"us-east-1", b"s3", b"aws4_request"):
        key = hmac.new(key, part, hashlib.sha256).digest()
    return ChunkSigning(key, seed, "20130524T000000Z", "20130524/us-east-1/s3/aws4_request")


# The examples of "Signature calculations … multiple chunks" and "… including trailing headers", AWS.
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
SIGNED = (
    b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
    + b"a" * 65536
    + b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n"
    + b"a" * 1024
    + b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
)
TRAILING_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
TRAILING = (
    b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n"
    + b"a" * 65536
    + b"\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n"
    + b"a" * 1024
    + b"\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
    + b"x-amz-checksum-crc32c:sOO8/Q==\n\r\n"
    + b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)


def test_signed_chunks_of_the_published_example() -> None:
    assert decode(SIGNED, signing(SEED)) == (b"a" * 66560, {})


def test_signed_trailer_of_the_published_example() -> None:
    data, trailers = decode(TRAILING, signing(TRAILING_SEED))
    assert (data, trailers) == (b"a" * 66560, {"x-amz-checksum-crc32c": "sOO8/Q=="})


@pytest.mark.parametrize(
    ("body", "seed"),
    [
        (SIGNED.replace(b"a" * 65536, b"a" * 65535 + b"b"), SEED),
        (SIGNED.replace(b"ad80", b"ad81"), SEED),
        (SIGNED.replace(b"b6c6", b"b6c7"), SEED),
        (SIGNED, SEED.replace("4f", "4e")),
        (TRAILING.replace(b"sOO8", b"sOO9"), TRAILING_SEED),
        (TRAILING.replace(b"d81f", b"d81e"), TRAILING_SEED),
        (b"1\r\na\r\n0\r\n\r\n", SEED),
    ],
)
def test_whatever_is_changed_is_noticed(body: bytes, seed: str) -> None:
    with pytest.raises(ServiceError) as caught:
        decode(body, signing(seed))
    assert (caught.value.code, caught.value.status) == ("SignatureDoesNotMatch", 403)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.integers(1, 50))
def test_decoding_does_not_depend_on_how_the_bytes_arrive(chunks: list[bytes], size: int) -> None:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    body += b"0\r\nX-Amz-Checksum-CRC32: AAAAAA==\r\n\r\n"
    assert decode(body, size=size) == (b"".join(chunks), {"x-amz-checksum-crc32": "AAAAAA=="})


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_closing_empty_line_may_be_missing(end: bytes) -> None:
    assert decode(b"2\r\nhi\r\n0\r\n" + end) == (b"hi", {})


@pytest.mark.parametrize(
    "body", [b"", b"5", b"5\r\n", b"5\r\nhel", b"5\r\nhello", b"5\r\nhello\r\n", b"0\r\na:b"]
)
def test_body_that_ends_early_is_incomplete(body: bytes) -> None:
    with pytest.raises(ServiceError) as caught:
        decode(body)
    assert caught.value.code == "IncompleteBody"


@pytest.mark.parametrize(
    "body",
    [
        b"xyz\r\n",
        b"-5\r\nhello\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"0_5\r\nhello\r\n0\r\n\r\n",
        b"2\r\nhello\r\n0\r\n\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"0" * (LONGEST_LINE + 2),
    ],
)
def test_broken_framing_is_refused(body: bytes) -> None:
    with pytest.raises(ServiceError, match="aws-chunked"):
        decode(body)


def test_signed_chunk_that_does_not_fit_into_memory_is_refused() -> None:
    with pytest.raises(ServiceError, match="at most"):
        decode(b"%x;chunk-signature=00\r\n" % (LARGEST_SIGNED_CHUNK + 1), signing(SEED))
