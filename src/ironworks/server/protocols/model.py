"""Service models: what operations take and answer. AWS's are botocore's, our own service's is in `server/models`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from botocore.loaders import Loader
from botocore.model import ServiceModel

MODELS = Path(__file__).parents[1] / "models"
"""A folder in botocore's layout, for a client of the service `ironworks`: add it to its loader's `search_paths`."""


@cache
def service_model(name: str) -> ServiceModel:
    """The model of a service, such as `sagemaker` or `logs`. Loaded at first use: some are large."""
    loader = Loader(extra_search_paths=[str(MODELS)], include_default_search_paths=True)
    return ServiceModel(loader.load_service_model(name, "service-2"), name)
