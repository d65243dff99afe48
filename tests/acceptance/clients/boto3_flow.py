"""The notebook's flow with boto3 alone. Run in the example's folder; every expectation is an assertion."""

import gzip
import io
import json
import tarfile
import time

import boto3
import numpy as np

SAMPLE_DATA = "sagemaker-sample-data-us-west-2"
BUCKET, JOB = "boto3-flow", "boto3-flow"

s3, sagemaker, runtime = boto3.client("s3"), boto3.client("sagemaker"), boto3.client("sagemaker-runtime")
logs = boto3.client("logs")


def channel(name):
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://{SAMPLE_DATA}/mxnet/mnist/{name}",
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def source_archive():
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add("mnist.py")
    return archive.getvalue()


identity = boto3.client("sts").get_caller_identity()
role_name = identity["Arn"].split("/")[1]
role = boto3.client("iam").get_role(RoleName=role_name)["Role"]["Arn"]

s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
s3.put_object(Bucket=BUCKET, Key="sourcedir.tar.gz", Body=source_archive())

created = sagemaker.create_training_job(
    TrainingJobName=JOB,
    RoleArn=role,
    AlgorithmSpecification={
        "TrainingImage": "763104351884.dkr.ecr.us-west-2.amazonaws.com/mxnet-training:1.4.1-cpu-py3",
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "accuracy", "Regex": r"Validation-accuracy=([0-9.]+)"}],
    },
    HyperParameters={
        "epochs": "2",
        "learning-rate": "0.1",
        "sagemaker_program": '"mnist.py"',
        "sagemaker_submit_directory": f'"s3://{BUCKET}/sourcedir.tar.gz"',
    },
    InputDataConfig=[channel("train"), channel("test")],
    OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/artifacts"},
    ResourceConfig={"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
    StoppingCondition={"MaxRuntimeInSeconds": 3600},
)
assert created["TrainingJobArn"] == f"arn:aws:sagemaker:us-west-2:{identity['Account']}:training-job/{JOB}"
waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
waiter.wait(TrainingJobName=JOB, WaiterConfig={"Delay": 1, "MaxAttempts": 180})

trained = sagemaker.describe_training_job(TrainingJobName=JOB)
assert trained["TrainingJobStatus"] == "Completed", trained.get("FailureReason")
stages = [transition["Status"] for transition in trained["SecondaryStatusTransitions"]]
assert stages[0] == "Starting" and stages[-1] == "Completed", stages
assert [stage for stage in stages if stage in ("Downloading", "Training", "Uploading")] == [
    "Downloading",
    "Training",
    "Uploading",
]
times = [
    (transition["StartTime"], transition["EndTime"]) for transition in trained["SecondaryStatusTransitions"]
]
assert all(start <= end for start, end in times), times
assert trained["TrainingStartTime"] < trained["TrainingEndTime"]
(accuracy,) = trained["FinalMetricDataList"]
assert accuracy["MetricName"] == "accuracy" and accuracy["Value"] > 0.8, accuracy
assert trained["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/artifacts/{JOB}/output/model.tar.gz"

(stream,) = logs.describe_log_streams(
    logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{JOB}/"
)["logStreams"]
events = logs.get_log_events(
    logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=stream["logStreamName"], startFromHead=True
)["events"]
assert any("Epoch[1] Validation-accuracy" in event["message"] for event in events)

sagemaker.create_compilation_job(
    CompilationJobName=JOB,
    RoleArn=role,
    InputConfig={
        "S3Uri": trained["ModelArtifacts"]["S3ModelArtifacts"],
        "DataInputConfig": json.dumps({"data": [1, 784]}),
        "Framework": "MXNET",
    },
    OutputConfig={"S3OutputLocation": f"s3://{BUCKET}/compiled", "TargetDevice": "ml_c5"},
    StoppingCondition={"MaxRuntimeInSeconds": 300},
)
while True:
    compiled = sagemaker.describe_compilation_job(CompilationJobName=JOB)
    if compiled["CompilationJobStatus"] in ("COMPLETED", "FAILED", "STOPPED"):
        break
    time.sleep(0.2)
assert compiled["CompilationJobStatus"] == "COMPLETED", compiled["FailureReason"]
artifact = compiled["ModelArtifacts"]["S3ModelArtifacts"]
assert artifact == f"s3://{BUCKET}/compiled/model-ml_c5.tar.gz", artifact

# No script goes with this model, so requests are read and answered by the built-in codecs.
sagemaker.create_model(
    ModelName=JOB,
    ExecutionRoleArn=role,
    PrimaryContainer={"Image": compiled["InferenceImage"], "ModelDataUrl": artifact},
)
variant = {
    "VariantName": "AllTraffic",
    "ModelName": JOB,
    "InitialInstanceCount": 2,
    "InstanceType": "ml.c5.xlarge",
}
sagemaker.create_endpoint_config(EndpointConfigName=JOB, ProductionVariants=[variant])
sagemaker.create_endpoint(EndpointName=JOB, EndpointConfigName=JOB)
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=JOB, WaiterConfig={"Delay": 1})

images = s3.get_object(Bucket=SAMPLE_DATA, Key="mxnet/mnist/test/images.gz")["Body"].read()
digits = np.frombuffer(gzip.decompress(images), np.uint8, offset=16).reshape(-1, 784) / np.float32(255)
npy = io.BytesIO()
np.save(npy, digits[:1])
requests = {
    "application/x-npy": npy.getvalue(),
    "text/csv": ",".join(str(value) for value in digits[0]),
    "application/json": json.dumps(digits[:1].tolist()),
}
for content_type, body in requests.items():
    answer = runtime.invoke_endpoint(
        EndpointName=JOB, ContentType=content_type, Accept="application/json", Body=body
    )
    probabilities = np.ravel(json.loads(answer["Body"].read()))
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert probabilities.argmax() == 7 and abs(probabilities.sum() - 1) < 1e-5, probabilities

sagemaker.delete_endpoint(EndpointName=JOB)
sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=JOB, WaiterConfig={"Delay": 1})
sagemaker.delete_endpoint_config(EndpointConfigName=JOB)
sagemaker.delete_model(ModelName=JOB)
print("every step passed")
