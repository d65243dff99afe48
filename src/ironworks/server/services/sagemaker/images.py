"""The container images that AWS's clients expect to be told of; none is ever pulled.

The accounts of Neo's registries are those in the SageMaker SDK's own tables.
"""

from __future__ import annotations

NEO_ACCOUNTS = {
    "us-west-1": "710691900526",
    "us-west-2": "301217895009",
    "us-east-1": "785573368785",
    "us-east-2": "007439368137",
    "eu-west-1": "802834080501",
    "eu-west-2": "205493899709",
    "eu-west-3": "254080097072",
    "eu-central-1": "746233611703",
    "eu-north-1": "601324751636",
    "eu-south-1": "966458181534",
    "ap-northeast-1": "941853720454",
    "ap-northeast-2": "151534178276",
    "ap-east-1": "110948597952",
    "ap-southeast-1": "324986816169",
    "ap-southeast-2": "355873309152",
    "ap-south-1": "763008648453",
    "sa-east-1": "756306329178",
    "ca-central-1": "464438896020",
    "me-south-1": "836785723513",
    "af-south-1": "774647643957",
    "cn-north-1": "472730292857",
    "cn-northwest-1": "474822919863",
    "us-gov-west-1": "263933020539",
}
_VERSIONS = {"mxnet": "1.8", "pytorch": "1.13", "tensorflow": "2.9.2"}


def inference_image(framework: str, region: str) -> str:
    """The image in which a compiled model of a framework is served."""
    account = NEO_ACCOUNTS.get(region, NEO_ACCOUNTS["us-west-2"])
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    name = framework.lower()
    return (
        f"{account}.dkr.ecr.{region}.{domain}/sagemaker-inference-{name}:{_VERSIONS.get(name, '1.0')}-cpu-py3"
    )
