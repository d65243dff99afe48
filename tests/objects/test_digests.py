from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironworks.objects import digests
from ironworks.objects.errors import BadDigest, InvalidDigest, InvalidRequest

CHECK_VALUES = {  # of b"123456789": the "check" column of the CRC catalogue, and hashlib's own vectors
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": hashlib.sha1(b"123456789").hexdigest(),
    "SHA256": hashlib.sha256(b"123456789").hexdigest(),
}


@pytest.mark.parametrize("algorithm", CHECK_VALUES)
def test_algorithm_gives_its_published_value(algorithm: str) -> None:
    digest = digests.ALGORITHMS[algorithm]()
    digest.update(b"12345")
    digest.update(b"6789")
    assert digest.digest().hex() == CHECK_VALUES[algorithm]


def test_unknown_algorithm_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidRequest, match="CRC64NVME"):
        digests.known("CRC7")


@pytest.mark.parametrize("text", ["", "not base64!", "AAAA", "AAAAAAAAAAAA"])
def test_malformed_checksum_is_an_invalid_digest(text: str) -> None:
    with pytest.raises(InvalidDigest):
        digests.check("CRC32", text, b"\0\0\0\0")


def test_other_checksum_is_a_bad_digest() -> None:
    with pytest.raises(BadDigest, match="CRC32"):
        digests.check("CRC32", "AAAAAA==", b"\0\0\0\1")


@given(st.lists(st.binary(min_size=1, max_size=100), min_size=1, max_size=5))
@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_full_object_checksum_of_parts_is_that_of_the_whole(algorithm: str, parts: list[bytes]) -> None:
    def checksum(data: bytes) -> str:
        digest = digests.ALGORITHMS[algorithm]()
        digest.update(data)
        return digests.encode(digest.digest())

    sums = [(checksum(part), len(part)) for part in parts]
    assert digests.of_parts(algorithm, digests.FULL_OBJECT, sums) == checksum(b"".join(parts))


def test_composite_checksum_is_that_of_the_parts_checksums() -> None:
    parts = [hashlib.sha256(b"a").digest(), hashlib.sha256(b"b").digest()]
    whole = digests.encode(hashlib.sha256(b"".join(parts)).digest())
    sums = [(digests.encode(part), 1) for part in parts]
    assert digests.of_parts("SHA256", digests.COMPOSITE, sums) == f"{whole}-2"


@pytest.mark.parametrize(("algorithm", "kind"), [("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")])
def test_impossible_checksum_type_is_refused(algorithm: str, kind: str) -> None:
    with pytest.raises(InvalidRequest, match=kind):
        digests.check_type(algorithm, kind)
