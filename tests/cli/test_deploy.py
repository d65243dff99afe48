from pathlib import Path

import pytest

from ironworks.cli.deploy import _endpoint_name
from tests.cli.platform import Platform


def test_an_archive_becomes_an_endpoint_in_service(platform: Platform, endpoint: str) -> None:
    described = platform("endpoints", endpoint, "--json").json
    assert described["EndpointStatus"] == "InService"
    assert described["ProductionVariants"][0]["DesiredInstanceCount"] == 2


def test_a_model_is_deployed_by_its_name_on_what_it_was_compiled_for(
    platform: Platform, endpoint: str
) -> None:
    ran = platform("deploy", endpoint, "--name", "again", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["EndpointName"] == "again" and ran.json["EndpointStatus"] == "InService"
    assert "InService after" in ran.err
    assert platform("rm", "again", "--yes").code == 0


def test_an_archive_in_s3_is_deployed_by_its_uri(platform: Platform, endpoint: str) -> None:
    uri = platform("models", "--name", endpoint, "--json").json["Models"][0]["PrimaryContainer"][
        "ModelDataUrl"
    ]
    ran = platform("deploy", uri, "--name", "from-s3", "--no-wait")
    assert ran.code == 0, ran.err
    assert "ironworks endpoints from-s3" in ran.out
    assert platform("rm", "from-s3", "--yes").code == 0


def test_a_name_that_is_taken_says_what_to_do(platform: Platform, endpoint: str, artifact: Path) -> None:
    ran = platform("deploy", artifact, "--name", endpoint)
    assert ran.code == 1
    assert ran.err == (
        f"Error: There is an endpoint {endpoint}. Give this one another --name, or delete it: ironworks rm {endpoint}\n"
    )


def test_a_job_that_failed_has_no_model(platform: Platform, failed: str) -> None:
    ran = platform("deploy", failed)
    assert ran.code == 1
    assert ran.err == (
        f"Error: The training job {failed} is Failed and has made no model. See: ironworks job {failed}\n"
    )


def test_what_is_neither_a_file_nor_a_name_is_not_found(platform: Platform) -> None:
    ran = platform("deploy", "model.tgz")
    assert ran.code == 4 and "There is no file model.tgz" in ran.err and "compilation job" in ran.err


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("mnist-2", "mnist-2"),
        ("out/model-ml_c5.tar.gz", "model-ml-c5"),
        ("s3://bucket/a b/Net.onnx", "Net"),
        ("folder/", "folder"),
        ("x" * 80, "x" * 63),
        ("…", "model"),
    ],
)
def test_endpoints_are_called_after_what_they_serve(what: str, name: str) -> None:
    assert _endpoint_name(what) == name
