"""SDK 2.x: train, and deploy what was trained as it is, then its archive as a Model, then as an MXNetModel with another
script. Prints a line of JSON: the model's S3 URI and the answers.

python original_v2.py ENTRY_POINT DIGITS.npy FOLDER_OF_HOSTING_SCRIPT
"""

import json
import sys
import time

import numpy as np
import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.model import Model
from sagemaker.mxnet import MXNet, MXNetModel
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer, NumpySerializer

entry_point, digits, hosting = sys.argv[1], np.load(sys.argv[2]), sys.argv[3]
session, role = sagemaker.Session(), sagemaker.get_execution_role()
estimator = MXNet(
    entry_point=entry_point,
    role=role,
    instance_count=1,
    instance_type="ml.m5.xlarge",
    framework_version="1.9.0",
    py_version="py38",
    hyperparameters={"epochs": 1},
    base_job_name="original",
)
data = "s3://sagemaker-sample-data-{}/mxnet/mnist/{}"
region = session.boto_region_name
estimator.fit({"train": data.format(region, "train"), "test": data.format(region, "test")}, logs=False)
place = {"initial_instance_count": 1, "instance_type": "ml.m5.xlarge"}
found = {"model": estimator.model_data}


def ask(name, predictor, requests):
    # What is deployed with wait=False: the SDK would sleep for 30 s before it looks.
    while (
        session.sagemaker_client.describe_endpoint(EndpointName=predictor.endpoint_name)["EndpointStatus"]
        == "Creating"
    ):
        time.sleep(0.1)
    try:
        found[name] = [predictor.predict(request) for request in requests]
    finally:
        predictor.delete_endpoint()


ask("estimator", estimator.deploy(**place), digits)

image = sagemaker.image_uris.retrieve(
    "mxnet", region, version="1.9.0", py_version="py38", instance_type="ml.m5.xlarge", image_scope="inference"
)
alone = Model(image, estimator.model_data, role, predictor_cls=Predictor, sagemaker_session=session)
predictor = alone.deploy(serializer=NumpySerializer(), deserializer=JSONDeserializer(), wait=False, **place)
ask("archive", predictor, digits)

scripted = MXNetModel(
    estimator.model_data,
    role,
    entry_point="serve.py",
    source_dir=hosting,
    framework_version="1.9.0",
    py_version="py38",
)
ask("scripted", scripted.deploy(serializer=CSVSerializer(), wait=False, **place), digits)
print()  # the SDK's row of dashes has no end
print(json.dumps(found))
