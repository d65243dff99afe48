"""What a CreateTrainingJob request may ask for, and how the rest is refused."""

from __future__ import annotations

from typing import Any

import pytest
from tests.training.service import BUCKET, IMAGE, channel, request, spec_of

from ironworks.errors import ClientError

ALGORITHM = {"TrainingImage": IMAGE, "TrainingInputMode": "File"}
PARAMETERS = request()["HyperParameters"]


def test_the_sdks_request_is_read() -> None:
    spec = spec_of(request(InputDataConfig=[channel("train", "s3://sample/mnist/train")]))
    assert spec.program == "train.py"
    assert spec.source_uri == f"s3://{BUCKET}/code/sourcedir.tar.gz"
    assert (spec.image.framework, spec.image.version) == ("mxnet", "1.4.1")
    assert [item.name for item in spec.channels] == ["train"]
    assert spec.output_uri == f"s3://{BUCKET}/models"
    assert spec.max_runtime == 86400


@pytest.mark.parametrize(
    ("text", "value"), [("0.1", 0.1), ('"a"', "a"), ("a b", "a b"), ("true", True), ("[1]", [1]), ("", "")]
)
def test_a_hyperparameter_is_decoded_if_it_is_json(text: str, value: object) -> None:
    spec = spec_of(request(HyperParameters={**PARAMETERS, "x": text}))
    assert spec.user_parameters == {"x": value}


def refused(words: str, **members: Any) -> Any:
    return pytest.param(words, members, id=words)


@pytest.mark.parametrize(
    ("words", "members"),
    [
        refused("more than one host is not supported yet", ResourceConfig={"InstanceCount": 2}),
        refused("InstanceGroups is not supported", ResourceConfig={"InstanceGroups": [{"InstanceCount": 1}]}),
        refused("'Pipe' (of Algo", AlgorithmSpecification={**ALGORITHM, "TrainingInputMode": "Pipe"}),
        refused("'FastFile' (of the ch", InputDataConfig=[channel("a", "s3://b/k", InputMode="FastFile")]),
        refused(
            "does not come from S3",
            InputDataConfig=[{"ChannelName": "a", "DataSource": {"FileSystemDataSource": {}}}],
        ),
        refused(
            "'AugmentedManifestFile'", InputDataConfig=[channel("a", "s3://b/k", "AugmentedManifestFile")]
        ),
        refused("cannot be called '..'", InputDataConfig=[channel("..", "s3://b/k")]),
        refused("is given twice", InputDataConfig=[channel("a", "s3://b/k"), channel("a", "s3://b/l")]),
        refused("is not an S3 URI", InputDataConfig=[channel("a", "https://b/k")]),
        refused("is not an S3 URI", OutputDataConfig={"S3OutputPath": "models"}),
        refused(
            "Frameworks that are there: mxnet, python",
            AlgorithmSpecification={
                **ALGORITHM,
                "TrainingImage": "1.dkr.ecr/pytorch-training:2.0.0-cpu-py310",
            },
        ),
        refused(
            "MXNet 2.0 is not available",
            AlgorithmSpecification={**ALGORITHM, "TrainingImage": "mxnet-training:2.0-cpu-py3"},
        ),
        refused(
            "asks for Python 2",
            AlgorithmSpecification={**ALGORITHM, "TrainingImage": "mxnet-training:1.4.1-cpu-py2"},
        ),
        refused("not one of a framework", AlgorithmSpecification={**ALGORITHM, "TrainingImage": "x/Ab_c:$"}),
        refused("Marketplace", AlgorithmSpecification={"AlgorithmName": "a", "TrainingInputMode": "File"}),
        refused("sagemaker_program (the script to run) is missing", HyperParameters={}),
        refused("sagemaker_submit_directory (the S3 URI", HyperParameters={"sagemaker_program": "train.py"}),
        refused(
            "Give a path inside the source archive",
            HyperParameters={**PARAMETERS, "sagemaker_program": "../train.py"},
        ),
        refused("MPI is not supported", HyperParameters={**PARAMETERS, "sagemaker_mpi_enabled": "true"}),
        refused("half of a surrogate pair", HyperParameters={**PARAMETERS, "x": "\ud800"}),
        refused("holds a NUL character", HyperParameters={**PARAMETERS, "x": "\0"}),
        refused("cannot be the name of an env", Environment={"A=B": "c"}),
        refused(
            "regular expression of the metric 'm' is wrong",
            AlgorithmSpecification={**ALGORITHM, "MetricDefinitions": [{"Name": "m", "Regex": "(["}]},
        ),
        refused(
            "regular expression of the metric 'm' is wrong",
            AlgorithmSpecification={
                **ALGORITHM,
                "MetricDefinitions": [{"Name": "m", "Regex": f"(a{{{'9' * 30}}})"}],
            },
        ),
        refused(
            "has no group for the value",
            AlgorithmSpecification={**ALGORITHM, "MetricDefinitions": [{"Name": "m", "Regex": "a=1"}]},
        ),
        refused("LocalPath", CheckpointConfig={"S3Uri": "s3://b/c", "LocalPath": "/home/c"}),
        refused("other than those", CheckpointConfig={"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/model/c"}),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(words: str, members: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        spec_of(request(**members))
    assert words in str(caught.value)


def test_a_parameter_server_is_accepted_on_one_host() -> None:
    parameters = {**PARAMETERS, "sagemaker_parameter_server_enabled": "true"}
    assert spec_of(request(HyperParameters=parameters)).toolkit_parameters[
        "sagemaker_parameter_server_enabled"
    ]


def test_a_hyperparameter_that_is_nested_too_deeply_is_text() -> None:
    deep = "[" * 2500
    assert spec_of(request(HyperParameters={**PARAMETERS, "x": deep})).user_parameters["x"] == deep
