"""What an estimator is given, as the members of CreateTrainingJob; and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ironworks.errors import ClientError
from ironworks.sdk.source import Source

LOG_LEVEL = 20
"""logging.INFO"""
_TOOLKIT = "sagemaker_"
_DISTRIBUTIONS = {
    "parameter_server": "sagemaker_parameter_server_enabled",
    "mpi": "sagemaker_mpi_enabled",
}


def toolkit_parameters(
    hyperparameters: Mapping[str, Any],
    job_name: str,
    source: Source,
    region: str,
    distribution: Mapping[str, Any] | None,
    instance_count: int,
) -> dict[str, str]:
    """`HyperParameters`: the user's, and those by which SageMaker's toolkit is told what to run; each as JSON.

    Raises:
        ClientError: a value has no JSON, or the distribution is unknown.
    """
    if distribution is None and instance_count > 1:
        distribution = {"parameter_server": {"enabled": True}}
    values: dict[str, Any] = {
        **hyperparameters,
        "sagemaker_program": source.program,
        "sagemaker_submit_directory": source.source_dir,
        "sagemaker_container_log_level": LOG_LEVEL,
        "sagemaker_job_name": job_name,
        "sagemaker_region": region,
    }
    for name, settings in (distribution or {}).items():
        if name not in _DISTRIBUTIONS:
            raise ClientError(f"There is no distribution {name!r}. Give one of {', '.join(_DISTRIBUTIONS)}.")
        if settings.get("enabled"):
            values[_DISTRIBUTIONS[name]] = True
    return {name: _json(name, value) for name, value in values.items()}


def parameters_of(description: Mapping[str, Any]) -> dict[str, Any]:
    """All hyperparameters of a described job, decoded."""
    return {name: _decoded(text) for name, text in description.get("HyperParameters", {}).items()}


def own_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are the script's."""
    return {name: value for name, value in parameters.items() if not name.startswith(_TOOLKIT)}


def metrics(definitions: Mapping[str, str] | Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """`MetricDefinitions`, from regular expressions by name or from a list in AWS's own form."""
    if isinstance(definitions, Mapping):
        return [{"Name": name, "Regex": regex} for name, regex in definitions.items()]
    return [dict(definition) for definition in definitions]


def _json(name: str, value: Any) -> str:
    plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    try:
        return json.dumps(plain)
    except (TypeError, ValueError):
        raise ClientError(
            f"The hyperparameter {name!r} is a {type(value).__name__}. Give a number, a text, a list or a dict."
        ) from None


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
