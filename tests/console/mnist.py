"""What the console shows: the notebook's model, trained, compiled and deployed on an installation, with boto3."""

from __future__ import annotations

import io
import json
import tarfile

from tests.acceptance.installation import MNIST, Installation, eventually, final

NAME = "mnist-2026"
BUCKET = "console-tests"
SAMPLE_DATA = "sagemaker-sample-data-us-west-2"
_METRICS = [
    {"Name": "train:accuracy", "Regex": r"Train-accuracy=([0-9.]+)"},
    {"Name": "validation:accuracy", "Regex": r"Validation-accuracy=([0-9.]+)"},
]


def role(installation: Installation) -> str:
    """The role that jobs are given."""
    name = installation.client("sts").get_caller_identity()["Arn"].split("/")[1]
    found: str = installation.client("iam").get_role(RoleName=name)["Role"]["Arn"]
    return found


def upload_script(installation: Installation) -> str:
    """The training script as the SDK uploads it; its URI."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(MNIST / "mnist.py", "mnist.py")
    s3 = installation.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket=BUCKET, Key="sourcedir.tar.gz", Body=archive.getvalue())
    return f"s3://{BUCKET}/sourcedir.tar.gz"


def train(installation: Installation, name: str, source: str, epochs: int) -> None:
    """Begin to train on MNIST."""
    channels = [
        {
            "ChannelName": channel,
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": f"s3://{SAMPLE_DATA}/mxnet/mnist/{channel}",
                    "S3DataDistributionType": "FullyReplicated",
                }
            },
        }
        for channel in ("train", "test")
    ]
    installation.client("sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn=role(installation),
        AlgorithmSpecification={
            "TrainingImage": "763104351884.dkr.ecr.us-west-2.amazonaws.com/mxnet-training:1.4.1-cpu-py3",
            "TrainingInputMode": "File",
            "MetricDefinitions": _METRICS,
        },
        HyperParameters={
            "epochs": str(epochs),
            "learning-rate": "0.1",
            "sagemaker_program": '"mnist.py"',
            "sagemaker_submit_directory": f'"{source}"',
        },
        InputDataConfig=channels,
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/artifacts"},
        ResourceConfig={"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )


def compile_model(installation: Installation, name: str) -> None:
    """Compile what the training job of that name made."""
    sagemaker = installation.client("sagemaker")
    trained = sagemaker.describe_training_job(TrainingJobName=name)
    sagemaker.create_compilation_job(
        CompilationJobName=name,
        RoleArn=role(installation),
        InputConfig={
            "S3Uri": trained["ModelArtifacts"]["S3ModelArtifacts"],
            "DataInputConfig": json.dumps({"data": [1, 784]}),
            "Framework": "MXNET",
        },
        OutputConfig={"S3OutputLocation": f"s3://{BUCKET}/compiled", "TargetDevice": "ml_c5"},
        StoppingCondition={"MaxRuntimeInSeconds": 300},
    )
    done = final(lambda: sagemaker.describe_compilation_job(CompilationJobName=name), "CompilationJobStatus")
    assert done["CompilationJobStatus"] == "COMPLETED", done["FailureReason"]


def deploy(installation: Installation, name: str, instances: int = 1) -> None:
    """Bring an endpoint with the compiled model into service."""
    sagemaker = installation.client("sagemaker")
    compiled = sagemaker.describe_compilation_job(CompilationJobName=name)
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role(installation),
        PrimaryContainer={
            "Image": compiled["InferenceImage"],
            "ModelDataUrl": compiled["ModelArtifacts"]["S3ModelArtifacts"],
            "Environment": {"SAGEMAKER_REGION": "us-west-2"},
        },
    )
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InitialInstanceCount": instances,
        "InstanceType": "ml.c5.xlarge",
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    eventually(
        lambda: sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService",
        "the endpoint is in service",
    )


def prepare(installation: Installation) -> None:
    """A trained, compiled and deployed model, everything called `NAME`; and a job that failed."""
    sagemaker = installation.client("sagemaker")
    source = upload_script(installation)
    train(installation, NAME, source, epochs=3)
    train(installation, "mnist-without-a-script", f"s3://{BUCKET}/nothing.tar.gz", epochs=1)
    done = final(lambda: sagemaker.describe_training_job(TrainingJobName=NAME), "TrainingJobStatus")
    assert done["TrainingJobStatus"] == "Completed", done
    compile_model(installation, NAME)
    deploy(installation, NAME)
