"""SDK 1.x: train, and deploy what was trained as it is. Prints a line of JSON: the model's S3 URI and the answers.

python original_v1.py ENTRY_POINT DIGITS.npy
"""

import json
import sys

import numpy as np
import sagemaker
from sagemaker.mxnet import MXNet

entry_point, digits = sys.argv[1], np.load(sys.argv[2])
region = sagemaker.Session().boto_region_name
estimator = MXNet(
    entry_point=entry_point,
    role=sagemaker.get_execution_role(),
    train_instance_count=1,
    train_instance_type="ml.m4.xlarge",
    framework_version="1.4.1",
    py_version="py3",
    hyperparameters={"epochs": 1},
    base_job_name="original",
)
data = "s3://sagemaker-sample-data-{}/mxnet/mnist/{}"
estimator.fit({"train": data.format(region, "train"), "test": data.format(region, "test")}, logs=False)

predictor = estimator.deploy(initial_instance_count=1, instance_type="ml.m4.xlarge")
try:
    answers = [predictor.predict(digit) for digit in digits]
finally:
    predictor.delete_endpoint()
print()  # the SDK's row of dashes has no end
print(json.dumps({"model": estimator.model_data, "answers": answers}))
