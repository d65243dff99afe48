"""botocore's service models: what AWS's operations take and answer."""

from __future__ import annotations

from functools import cache

from botocore.loaders import Loader
from botocore.model import ServiceModel


@cache
def service_model(name: str) -> ServiceModel:
    """The model of a service, such as `sagemaker` or `logs`. Loaded at first use: some are large."""
    return ServiceModel(Loader(include_default_search_paths=True).load_service_model(name, "service-2"), name)
