"""The notebook of `notebook_v1.py` with the names that the SageMaker Python SDK 2.x gives things.

Nothing here knows of Ironworks; to run it on one, in this folder and with that SDK installed:
`eval "$(ironworks env)"; python notebook_v2.py`
"""

# ruff: noqa: E402
# The cells are as people wrote them: each imports what it needs.

# %% A bucket and a role
from sagemaker import get_execution_role
from sagemaker.session import Session

bucket = Session().default_bucket()
custom_code_upload_location = f"s3://{bucket}/customcode/mxnet"
model_artifacts_location = f"s3://{bucket}/artifacts"
role = get_execution_role()

# %% The estimator
from sagemaker.mxnet import MXNet

mnist_estimator = MXNet(
    entry_point="mnist.py",
    role=role,
    output_path=model_artifacts_location,
    code_location=custom_code_upload_location,
    instance_count=1,
    instance_type="ml.m4.xlarge",
    framework_version="1.4.1",
    py_version="py3",
    distribution={"parameter_server": {"enabled": True}},
    hyperparameters={"learning-rate": 0.1, "epochs": 2},
    metric_definitions=[{"Name": "validation:accuracy", "Regex": r"Validation-accuracy=([0-9.]+)"}],
)

# %% Train on the 60,000 images
import boto3

region = boto3.Session().region_name
sample_data = f"s3://sagemaker-sample-data-{region}/mxnet/mnist"
mnist_estimator.fit({"train": f"{sample_data}/train", "test": f"{sample_data}/test"})

# %% Compile for the machine that will serve
output_path = "/".join(mnist_estimator.output_path.split("/")[:-1])
compiled_model = mnist_estimator.compile_model(
    target_instance_family="ml_c5", input_shape={"data": [1, 784]}, role=role, output_path=output_path
)

# %% Deploy it
import io

import numpy as np
from sagemaker.deserializers import JSONDeserializer
from sagemaker.serializers import SimpleBaseSerializer


class NumpyBytesSerializer(SimpleBaseSerializer):
    def __init__(self):
        super().__init__(content_type="application/vnd+python.numpy+binary")

    def serialize(self, data):
        f = io.BytesIO()
        np.save(f, data)
        return f.getvalue()


predictor = compiled_model.deploy(
    initial_instance_count=1,
    instance_type="ml.c5.4xlarge",
    serializer=NumpyBytesSerializer(),
    deserializer=JSONDeserializer(),
)

# %% Digits that the model has not seen
import gzip

test_images = boto3.client("s3").get_object(
    Bucket=f"sagemaker-sample-data-{region}", Key="mxnet/mnist/test/images.gz"
)["Body"]
images = np.frombuffer(gzip.decompress(test_images.read()), np.uint8, offset=16).reshape(-1, 1, 28, 28)
data = images[0] / 255.0

# %% Classify one
response = predictor.predict(data)
labeled_predictions = sorted(enumerate(response), key=lambda label_and_prob: -label_and_prob[1])
print(f"Most likely answer: {labeled_predictions[0]}")
print(f"As a row, most likely answer: {int(np.argmax(predictor.predict(data.reshape(1, 784))))}")

# %% Delete the endpoint
print(f"Endpoint name: {predictor.endpoint_name}")
predictor.delete_endpoint()
