"""Resources: creating, listing, changing, removing."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from ironworks.control.records import Resource
from ironworks.control.resources import AlreadyExists, InvalidToken, Listing, NotFound, Resources
from ironworks.database import Database


@pytest.fixture
def resources(database: Database) -> Resources:
    return Resources(database)


def add(resources: Resources, name: str, status: str = "InProgress", region: str = "us-west-2") -> Resource:
    return resources.create(
        "training-job", region, name, f"arn:{region}:{name}", status=status, request={}, state={}
    )


def names(resources: Resources, **listing: object) -> list[str]:
    page, _ = resources.page(Listing(kind="training-job", region="us-west-2", **listing))
    return [resource.name for resource in page]


def test_name_is_taken_once_per_kind_and_region(resources: Resources) -> None:
    add(resources, "a")
    add(resources, "a", region="eu-west-1")
    with pytest.raises(AlreadyExists, match="arn:us-west-2:a"):
        add(resources, "a")


def test_get_says_what_is_missing(resources: Resources) -> None:
    with pytest.raises(NotFound, match="no training-job nothing"):
        resources.get("training-job", "us-west-2", "nothing")


@pytest.mark.parametrize("sort_by", ["name", "created_at", "modified_at", "status"])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_put_together_are_the_whole_list_in_order(
    resources: Resources, sort_by: str, descending: bool
) -> None:
    for index in range(7):
        add(resources, f"job-{index}", status="Completed" if index % 2 else "Failed")
    everything = names(resources, sort_by=sort_by, descending=descending, limit=100)
    collected: list[str] = []
    token = None
    while True:
        page, token = resources.page(
            Listing("training-job", "us-west-2", sort_by, descending, limit=3, token=token)
        )
        collected += [resource.name for resource in page]
        if token is None:
            break
    assert collected == everything
    assert len(set(collected)) == 7


def test_resource_made_between_two_pages_moves_nothing(resources: Resources) -> None:
    for name in "abcd":
        add(resources, name)
    first, token = resources.page(Listing("training-job", "us-west-2", limit=2))
    add(resources, "e")
    second, _ = resources.page(Listing("training-job", "us-west-2", limit=2, token=token))
    assert [r.name for r in (*first, *second)] == ["d", "c", "b", "a"]


def test_filters(resources: Resources) -> None:
    jobs = [add(resources, name, status) for name, status in (("my-Job", "Failed"), ("other", "Completed"))]
    assert names(resources, name_contains="job") == ["my-Job"]
    assert names(resources, name_contains="%") == []
    assert names(resources, status="Completed") == ["other"]
    assert names(resources, created_after=jobs[0].created_at) == ["other"]
    assert names(resources, created_before=jobs[1].created_at) == ["my-Job"]
    assert names(resources, modified_after=jobs[1].created_at + timedelta(seconds=1)) == []


@pytest.mark.parametrize("token", ["", "x", "bm90IGpzb24=", "WzEsIDIsIDNd", "W251bGwsIG51bGxd"])
def test_strange_token_is_refused(resources: Resources, token: str) -> None:
    with pytest.raises(InvalidToken):
        names(resources, token=token)


def test_change_is_written_with_its_time_and_no_change_is_not(resources: Resources) -> None:
    job = add(resources, "a")

    def complete(row: Resource) -> None:
        row.status = "Completed"

    changed = resources.change(job.id, complete)
    assert changed is not None and changed.modified_at > job.modified_at
    again = resources.change(job.id, lambda row: None)
    assert again is not None and again.modified_at == changed.modified_at


def test_change_of_a_resource_that_is_gone_is_none(resources: Resources) -> None:
    assert resources.change(7, lambda row: None) is None


def test_tags_go_with_their_resource(resources: Resources) -> None:
    job = resources.create(
        "model",
        "us-west-2",
        "m",
        "arn:m",
        status="",
        request={"Tags": [{"Key": "a", "Value": "1"}]},
        state={},
    )
    resources.add_tags("arn:m", [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    assert resources.tags("arn:m") == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]
    resources.delete_tags("arn:m", ["a", "absent"])
    assert resources.tags("arn:m") == [{"Key": "b", "Value": "3"}]
    resources.delete(job)
    assert resources.tags("arn:m") == []


def test_id_is_never_given_again(resources: Resources) -> None:
    first = add(resources, "a")
    resources.delete(first)
    assert add(resources, "a").id > first.id


@pytest.mark.parametrize("sort_by", ["name", "created_at", "status"])
@pytest.mark.parametrize(
    "position", [[{"a": 1}, 2], [[1], 1], ["a", 10**30], [1, -1], ["\ud800", 1], [True, 1]]
)
def test_token_that_was_tampered_with_is_refused(
    resources: Resources, sort_by: str, position: list[object]
) -> None:
    token = base64.urlsafe_b64encode(json.dumps(position).encode()).decode()
    if sort_by == "created_at" and position == [True, 1]:
        return  # the first second of 1970
    with pytest.raises(InvalidToken):
        names(resources, token=token, sort_by=sort_by)


def test_regions_are_those_in_use_the_newest_first(resources: Resources) -> None:
    assert resources.regions() == []
    for region in ("us-west-2", "eu-west-1", "us-west-2"):
        add(resources, f"job-{len(names(resources, limit=100))}-{region}", region=region)
    assert resources.regions() == ["us-west-2", "eu-west-1"]


def test_a_census_counts_what_is_in_a_region_by_kind_and_status(resources: Resources) -> None:
    add(resources, "a")
    add(resources, "b", "Failed")
    add(resources, "c", "Failed")
    add(resources, "d", region="eu-west-1")
    resources.create("model", "us-west-2", "m", "arn:m", status="", request={}, state={})
    expected = {"training-job": {"InProgress": 1, "Failed": 2}, "model": {"": 1}}
    assert resources.census("us-west-2") == expected
