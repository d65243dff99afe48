"""The notebook "MNIST Training, Compilation and Deployment with MXNet Module and SageMaker Neo", cell by cell.

Written against the SageMaker Python SDK 1.x (1.72.1 is its last release). Nothing here knows of Ironworks; to
run it on one, in this folder and with that SDK installed: `eval "$(ironworks env)"; python notebook_v1.py`
"""

# ruff: noqa: B905, E402, UP032
# The cells are as people wrote them: each imports what it needs.

# %% A bucket and a role
from sagemaker import get_execution_role
from sagemaker.session import Session

bucket = Session().default_bucket()
custom_code_upload_location = "s3://{}/customcode/mxnet".format(bucket)
model_artifacts_location = "s3://{}/artifacts".format(bucket)
role = get_execution_role()

# %% The estimator
from sagemaker.mxnet import MXNet

mnist_estimator = MXNet(
    entry_point="mnist.py",
    role=role,
    output_path=model_artifacts_location,
    code_location=custom_code_upload_location,
    train_instance_count=1,
    train_instance_type="ml.m4.xlarge",
    framework_version="1.4.1",
    py_version="py3",
    distributions={"parameter_server": {"enabled": True}},
    hyperparameters={"learning-rate": 0.1},
)

# %% Train on the 60,000 images
import boto3

region = boto3.Session().region_name
train_data_location = "s3://sagemaker-sample-data-{}/mxnet/mnist/train".format(region)
test_data_location = "s3://sagemaker-sample-data-{}/mxnet/mnist/test".format(region)

mnist_estimator.fit({"train": train_data_location, "test": test_data_location})

# %% Compile for the machine that will serve
output_path = "/".join(mnist_estimator.output_path.split("/")[:-1])
compiled_model = mnist_estimator.compile_model(
    target_instance_family="ml_c5", input_shape={"data": [1, 784]}, role=role, output_path=output_path
)

# %% Deploy it
predictor = compiled_model.deploy(initial_instance_count=1, instance_type="ml.c5.4xlarge")

# %% Send NumPy arrays
import io

import numpy as np


def numpy_bytes_serializer(data):
    f = io.BytesIO()
    np.save(f, data)
    f.seek(0)
    return f.read()


predictor.content_type = "application/vnd+python.numpy+binary"
predictor.serializer = numpy_bytes_serializer

# %% A digit that the model has not seen
# (The notebook has a box to draw one in.)
import gzip

test_images = boto3.client("s3").get_object(
    Bucket=f"sagemaker-sample-data-{region}", Key="mxnet/mnist/test/images.gz"
)["Body"]
images = np.frombuffer(gzip.decompress(test_images.read()), np.uint8, offset=16).reshape(-1, 1, 28, 28)
data = (images[0] / 255.0).tolist()

# %% Classify it
data = np.array(data)
response = predictor.predict(data)
print("Raw prediction result:")
print(response)

labeled_predictions = list(zip(range(10), response))
print("Labeled predictions: ")
print(labeled_predictions)

labeled_predictions.sort(key=lambda label_and_prob: 1.0 - label_and_prob[1])
print("Most likely answer: {}".format(labeled_predictions[0]))

# %% The same digit as a row of 784 numbers
print(f"As a row, most likely answer: {int(np.argmax(predictor.predict(data.reshape(1, 784))))}")

# %% Delete the endpoint
print("Endpoint name: " + predictor.endpoint)
predictor.delete_endpoint()
