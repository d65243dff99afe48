"""SageMaker's operations as boto3 sees them, except for what jobs and endpoints really do."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ironworks.control import endpoints, training_jobs
from tests.control.conftest import ROLE, compilation_request, training_request
from tests.server.wire import REGION, Wire


@pytest.fixture(scope="module")
def sagemaker(wire: Wire) -> Any:
    return wire.client("sagemaker")


def error(function: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        function(**arguments)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return raised.value.response["Error"]["Code"], raised.value.response["Error"]["Message"]


def end(wire: Wire, name: str) -> None:
    job = wire.platform.resources.get(training_jobs.KIND, REGION, name)
    wire.platform.resources.change(
        job.id, lambda row: training_jobs.finish(row, "Completed", "Completed", "", {})
    )


def test_training_job_is_described_with_all_that_was_asked_for(wire: Wire, sagemaker: Any) -> None:
    request = training_request("described")
    arn = sagemaker.create_training_job(**request)["TrainingJobArn"]
    assert arn == f"arn:aws:sagemaker:{REGION}:{wire.keys.account}:training-job/described"
    answer = sagemaker.describe_training_job(TrainingJobName="described")
    for member, value in request.items():
        assert answer[member] == value
    assert answer["TrainingJobStatus"] == "InProgress"
    assert answer["SecondaryStatusTransitions"][0]["Status"] == "Starting"
    assert answer["LastModifiedTime"] >= answer["CreationTime"]


def test_training_job_errors(sagemaker: Any) -> None:
    sagemaker.create_training_job(**training_request("taken"))
    assert error(sagemaker.create_training_job, **training_request("taken"))[0] == "ResourceInUse"
    missing = error(sagemaker.describe_training_job, TrainingJobName="nothing")
    assert missing == ("ValidationException", "Requested resource not found.")
    two = {"InstanceType": "ml.m4.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 1}
    code, message = error(sagemaker.create_training_job, **training_request("two", ResourceConfig=two))
    assert code == "ValidationException" and "InstanceCount" in message
    assert error(sagemaker.create_training_job, **training_request("-bad-"))[0] == "ValidationException"


def test_running_job_is_stopped_and_then_deleted(wire: Wire, sagemaker: Any) -> None:
    sagemaker.create_training_job(**training_request("stopped"))
    assert error(sagemaker.delete_training_job, TrainingJobName="stopped")[0] == "ResourceInUse"
    sagemaker.stop_training_job(TrainingJobName="stopped")
    assert sagemaker.describe_training_job(TrainingJobName="stopped")["TrainingJobStatus"] in (
        "Stopping",
        "Stopped",
    )
    end(wire, "stopped")
    assert error(sagemaker.stop_training_job, TrainingJobName="stopped")[0] == "ValidationException"
    sagemaker.delete_training_job(TrainingJobName="stopped")
    assert error(sagemaker.describe_training_job, TrainingJobName="stopped")[0] == "ValidationException"


def test_list_operations_page_and_filter(sagemaker: Any) -> None:
    for n in range(5):
        sagemaker.create_training_job(**training_request(f"listed-{n}"))
    names: list[str] = []
    arguments: dict[str, Any] = {
        "NameContains": "listed",
        "MaxResults": 2,
        "SortBy": "Name",
        "SortOrder": "Ascending",
    }
    while True:
        page = sagemaker.list_training_jobs(**arguments)
        names += [summary["TrainingJobName"] for summary in page["TrainingJobSummaries"]]
        if "NextToken" not in page:
            break
        arguments["NextToken"] = page["NextToken"]
    assert names == [f"listed-{n}" for n in range(5)]
    nothing = sagemaker.list_training_jobs(NameContains="listed", StatusEquals="Failed")
    assert nothing["TrainingJobSummaries"] == []
    assert error(sagemaker.list_training_jobs, NextToken="made-up")[0] == "ValidationException"


def test_regions_are_apart(wire: Wire, sagemaker: Any) -> None:
    elsewhere = wire.client("sagemaker", region="eu-central-1")
    elsewhere.create_training_job(**training_request("regional"))
    assert error(sagemaker.describe_training_job, TrainingJobName="regional")[0] == "ValidationException"


def test_compilation_job_has_every_member_that_the_sdk_needs_while_it_runs(sagemaker: Any) -> None:
    sagemaker.create_compilation_job(**compilation_request("compiling"))
    answer = sagemaker.describe_compilation_job(CompilationJobName="compiling")
    assert answer["CompilationJobStatus"] in ("STARTING", "INPROGRESS")
    assert answer["FailureReason"] == "" and answer["ModelArtifacts"] == {"S3ModelArtifacts": ""}
    assert answer["StoppingCondition"] == {"MaxRuntimeInSeconds": 300}
    assert "InferenceImage" not in answer
    (summary,) = sagemaker.list_compilation_jobs(NameContains="compiling")["CompilationJobSummaries"]
    assert summary["CompilationTargetDevice"] == "ml_c5"
    assert error(sagemaker.create_compilation_job, **compilation_request("compiling"))[0] == "ResourceInUse"
    assert error(sagemaker.delete_compilation_job, CompilationJobName="compiling")[0] == "ResourceInUse"
    sagemaker.stop_compilation_job(CompilationJobName="compiling")


def container(**changes: Any) -> dict[str, Any]:
    return {"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz", **changes}


def variant(**changes: Any) -> dict[str, Any]:
    return {
        "VariantName": "AllTraffic",
        "ModelName": "model-1",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.c5.large",
        **changes,
    }


@pytest.fixture(scope="module")
def model(sagemaker: Any) -> str:
    sagemaker.create_model(ModelName="model-1", ExecutionRoleArn=ROLE, PrimaryContainer=container())
    return "model-1"


def test_model_errors(wire: Wire, sagemaker: Any, model: str) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{wire.keys.account}:model"
    code, message = error(
        sagemaker.create_model, ModelName=model, ExecutionRoleArn=ROLE, PrimaryContainer=container()
    )
    assert (code, message) == (
        "ValidationException",
        f'Cannot create already existing model "{arn}/model-1".',
    )
    assert error(sagemaker.describe_model, ModelName="no")[1] == f'Could not find model "{arn}/no".'
    for containers in (
        {},
        {"PrimaryContainer": {"Image": "i"}},
        {"Containers": [container(), container()]},
        {"PrimaryContainer": container(), "Containers": [container()]},
    ):
        arguments = {"ModelName": "m", "ExecutionRoleArn": ROLE, **containers}
        assert error(sagemaker.create_model, **arguments)[0] == "ValidationException"


def test_endpoint_config_errors(sagemaker: Any, model: str) -> None:
    create = sagemaker.create_endpoint_config
    unknown = error(create, EndpointConfigName="c", ProductionVariants=[variant(ModelName="no")])
    assert unknown[0] == "ValidationException" and unknown[1].startswith("Could not find model")
    serverless = {"VariantName": "a", "ModelName": model}
    assert (
        "needs InitialInstanceCount"
        in error(create, EndpointConfigName="c", ProductionVariants=[serverless])[1]
    )
    many = error(create, EndpointConfigName="c", ProductionVariants=[variant(InitialInstanceCount=10**6)])
    assert many[0] == "ResourceLimitExceeded"
    twice = error(create, EndpointConfigName="c", ProductionVariants=[variant(), variant()])
    assert "VariantName of its own" in twice[1]
    assert "Could not find" in error(sagemaker.describe_endpoint_config, EndpointConfigName="no")[1]


def test_life_of_models_configs_and_endpoints(wire: Wire, sagemaker: Any, model: str) -> None:
    sagemaker.create_endpoint_config(EndpointConfigName="config-1", ProductionVariants=[variant()])
    described = sagemaker.describe_endpoint_config(EndpointConfigName="config-1")
    assert described["ProductionVariants"] == [variant()]
    unknown = error(sagemaker.create_endpoint, EndpointName="e", EndpointConfigName="no")
    assert unknown[1].startswith("Could not find endpoint configuration")
    sagemaker.create_endpoint(EndpointName="endpoint-1", EndpointConfigName="config-1")
    taken = error(sagemaker.create_endpoint, EndpointName="endpoint-1", EndpointConfigName="config-1")
    assert taken[1].startswith("Cannot create already existing endpoint")
    sagemaker.delete_endpoint_config(EndpointConfigName="config-1")
    # The archive does not exist: the first question is held until that is known.
    answer = sagemaker.describe_endpoint(EndpointName="endpoint-1")
    assert answer["EndpointStatus"] == "Failed" and "s3://bucket/model.tar.gz" in answer["FailureReason"]
    assert answer["ProductionVariants"][0]["DesiredInstanceCount"] == 1
    sagemaker.delete_endpoint(EndpointName="endpoint-1")
    while wire.platform.resources.count(endpoints.KIND, "Deleting"):
        pass
    assert "Could not find endpoint" in error(sagemaker.describe_endpoint, EndpointName="endpoint-1")[1]


def test_endpoint_that_does_not_exist_cannot_be_invoked(wire: Wire) -> None:
    runtime = wire.client("sagemaker-runtime")
    expected = f"Endpoint nothing of account {wire.keys.account} not found."
    assert error(runtime.invoke_endpoint, EndpointName="nothing", Body=b"x") == ("ValidationError", expected)


def test_tags(wire: Wire, sagemaker: Any) -> None:
    request = training_request("tagged", Tags=[{"Key": "team", "Value": "a"}])
    arn = sagemaker.create_training_job(**request)["TrainingJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "dev"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [
        {"Key": "stage", "Value": "dev"},
        {"Key": "team", "Value": "a"},
    ]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert [tag["Key"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]] == ["stage"]
    assert error(sagemaker.list_tags, ResourceArn=arn + "-no")[0] == "ValidationException"


def test_tags_page(sagemaker: Any) -> None:
    arn = sagemaker.create_training_job(**training_request("much-tagged"))["TrainingJobArn"]
    for start in (0, 40):
        tags = [{"Key": f"key-{n:02}", "Value": str(n)} for n in range(start, start + 40)]
        sagemaker.add_tags(ResourceArn=arn, Tags=tags)
    page = sagemaker.list_tags(ResourceArn=arn, MaxResults=50)
    rest = sagemaker.list_tags(ResourceArn=arn, MaxResults=50, NextToken=page["NextToken"])
    assert [tag["Value"] for tag in page["Tags"] + rest["Tags"]] == [str(n) for n in range(80)]
    assert "NextToken" not in rest
