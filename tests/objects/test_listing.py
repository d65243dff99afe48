from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ironworks.database import Database, utc_now
from ironworks.objects import listing
from ironworks.objects.tables import ObjectRow

KEYS = st.text(alphabet="ab/é%\U0001f600￿", min_size=1, max_size=6)


def fill(database: Database, bucket: str, keys: set[str]) -> None:
    with database.write() as session:
        for key in keys:
            session.add(
                ObjectRow(
                    bucket=bucket,
                    key=key,
                    content=f"{bucket}{key}".encode().hex()[:32] + str(hash((bucket, key))),
                    size=0,
                    etag="",
                    modified=utc_now(),
                    attributes={},
                    checksums={},
                    checksum_type="",
                    parts=0,
                )
            )


def pages(database: Database, bucket: str, prefix: str, delimiter: str, limit: int) -> list[str]:
    names: list[str] = []
    after: str | None = ""
    while after is not None:
        with database.read() as session:
            found = listing.page(session, bucket, prefix, delimiter, after, limit)
        entries = [row.key for row in found.rows] + found.prefixes
        assert len(entries) <= limit
        names += sorted(entries, key=str.encode)
        after = found.next
    return names


def expected(keys: set[str], prefix: str, delimiter: str) -> list[str]:
    found = {listing.common_prefix(key, prefix, delimiter) or key for key in keys if key.startswith(prefix)}
    return sorted(found, key=str.encode)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    keys=st.sets(KEYS, max_size=15),
    prefix=st.text(alphabet="ab/\U0001f600", max_size=2),
    delimiter=st.sampled_from(["", "/", "ab", "é"]),
    limit=st.integers(1, 5),
)
def test_pages_together_hold_every_key_and_prefix_once_in_byte_order(
    database: Database, keys: set[str], prefix: str, delimiter: str, limit: int
) -> None:
    bucket = utc_now().isoformat()
    fill(database, bucket, keys)
    assert pages(database, bucket, prefix, delimiter, limit) == expected(keys, prefix, delimiter)


def test_many_keys_below_a_common_prefix_are_jumped_over(database: Database) -> None:
    fill(database, "b", {f"a/{number:05}" for number in range(2500)} | {"a", "b"})
    assert pages(database, "b", "", "/", 2) == ["a", "a/", "b"]


@pytest.mark.parametrize(("after", "first"), [("a", "a/1"), ("a/1", "a/2"), ("a/9", "b"), ("b", None)])
def test_page_begins_behind_the_marker(database: Database, after: str, first: str | None) -> None:
    fill(database, "b", {"a", "a/1", "a/2", "b"})
    with database.read() as session:
        rows = listing.page(session, "b", "", "", after, 1).rows
    assert (rows[0].key if rows else None) == first


def test_empty_page_says_that_nothing_follows(database: Database) -> None:
    fill(database, "b", {"a"})
    with database.read() as session:
        assert listing.page(session, "b", "", "", "", 0) == listing.KeyPage()
