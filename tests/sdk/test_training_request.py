"""What an estimator is given, as CreateTrainingJob has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ironworks.errors import ClientError
from ironworks.sdk.naming import LONGEST, unique_name
from ironworks.sdk.source import Source
from ironworks.sdk.training_request import metrics, own_parameters, parameters_of, toolkit_parameters

SOURCE = Source("train.py", "s3://bucket/sourcedir.tar.gz")


def parameters(own: dict[str, Any], distribution: Any = None, hosts: int = 1) -> dict[str, str]:
    return toolkit_parameters(own, "job", SOURCE, "us-west-2", distribution, hosts)


def test_every_value_is_json() -> None:
    made = parameters(
        {"rate": np.float64(0.5), "name": "x", "sizes": [1, 2], "on": True, "many": np.int64(3)}
    )
    assert made == {
        "rate": "0.5",
        "name": '"x"',
        "sizes": "[1, 2]",
        "on": "true",
        "many": "3",
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": '"s3://bucket/sourcedir.tar.gz"',
        "sagemaker_container_log_level": "20",
        "sagemaker_job_name": '"job"',
        "sagemaker_region": '"us-west-2"',
    }


def test_they_are_read_back() -> None:
    own = {"rate": 0.5, "name": "x", "text": "plain"}
    described = {"HyperParameters": {**parameters(own), "text": "plain"}}
    assert own_parameters(parameters_of(described)) == own


def test_a_value_without_json_is_refused_by_its_name() -> None:
    with pytest.raises(ClientError, match="The hyperparameter 'rate' is a object"):
        parameters({"rate": object()})


@pytest.mark.parametrize(
    ("distribution", "hosts", "enabled"),
    [
        (None, 1, False),
        (None, 2, True),
        ({"parameter_server": {"enabled": True}}, 1, True),
        ({"parameter_server": {"enabled": False}}, 2, False),
        ({}, 2, False),
    ],
)
def test_several_hosts_share_parameters_unless_told_otherwise(
    distribution: Any, hosts: int, enabled: bool
) -> None:
    assert ("sagemaker_parameter_server_enabled" in parameters({}, distribution, hosts)) == enabled


def test_an_unknown_distribution_is_refused() -> None:
    with pytest.raises(
        ClientError, match="no distribution 'smdistributed'. Give one of parameter_server, mpi"
    ):
        parameters({}, {"smdistributed": {"enabled": True}})


def test_metrics_are_given_by_name_or_as_aws_has_them() -> None:
    expected = [{"Name": "loss", "Regex": "loss=(.+)"}]
    assert metrics({"loss": "loss=(.+)"}) == metrics(expected) == expected


@pytest.mark.parametrize("base", ["train", "my_model.v2", "x" * 80, "___"])
def test_names_fit_sagemakers_pattern(base: str) -> None:
    import re

    name = unique_name(base)
    assert len(name) <= LONGEST
    assert re.fullmatch("[a-zA-Z0-9](-*[a-zA-Z0-9])*", name)
    assert unique_name(base) != name
