"""SageMaker's operations, one module a kind of resource."""

from ironworks.server.services.sagemaker import (
    compilation_jobs,
    endpoint_configs,
    endpoints,
    models,
    tags,
    training_jobs,
)

MODULES = (compilation_jobs, endpoint_configs, endpoints, models, tags, training_jobs)
