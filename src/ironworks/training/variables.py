"""The environment variables and arguments that a training script is given.

The names and forms are those that the `sagemaker-training` toolkit gives in SageMaker's containers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ironworks.training.layout import (
    HOST,
    INSTANCE_GROUP,
    NETWORK_INTERFACE,
    Layout,
    input_data_config,
    resource_config,
)
from ironworks.training.spec import TrainingSpec

_KEPT = (
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
_KEPT_PREFIXES = ("LC_", "PIP_")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
_PIP_CONFIGURATIONS = (".config/pip/pip.conf", ".pip/pip.conf")


def of_host(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a job inherits from this machine: where programs lie, the language, and how pip gets out.

    Nothing else, so a job neither depends on the shell that started the server nor sees its secrets.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES) or name.lower() in _PROXIES
    }
    kept.setdefault("PATH", os.defpath)
    # pip would look for the user's settings below HOME, and a job has a home of its own.
    for name in _PIP_CONFIGURATIONS:
        path = Path(environ.get("HOME", "/nonexistent")) / name
        if path.is_file():
            kept.setdefault("PIP_CONFIG_FILE", str(path))
    return kept


def arguments(parameters: Mapping[str, Any]) -> list[str]:
    """Hyperparameters as command-line arguments, sorted by name: `--learning-rate 0.1 -n 3`."""
    words: list[str] = []
    for name in sorted(parameters):
        words += [f"--{name}" if len(name) > 1 else f"-{name}", _argument(parameters[name])]
    return words


def _argument(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{name}={value[name]}" for name in sorted(value))
    return str(value)


def of_job(spec: TrainingSpec, layout: Layout) -> dict[str, str]:
    """The variables that tell the script about its job."""
    facts = _facts(spec, layout)
    variables = {f"SM_{name.upper()}": _text(value) for name, value in facts.items()}
    variables["SM_TRAINING_ENV"] = _text(_training_env(spec, facts))
    for name, path in facts["channel_input_dirs"].items():
        variables[f"SM_CHANNEL_{name.upper()}"] = path
    for name, value in facts["hps"].items():
        if "=" not in name:  # the script has such a one in SM_HPS and among its arguments
            variables[f"SM_HP_{name.upper()}"] = _text(value)
    del variables["SM_CHANNEL_INPUT_DIRS"]
    if spec.checkpoints is not None:
        # Not in the toolkit: without a sandbox a script has no other way to find the folder.
        path = layout.place(spec.checkpoints.local_path).relative_to(layout.root)
        variables["SM_CHECKPOINT_DIR"] = str(layout.seen / path)
    if layout.seen == layout.root:
        variables["SAGEMAKER_BASE_DIR"] = str(layout.root)
    return variables | {
        "PYTHONPATH": str(layout.seen / "code"),
        "SAGEMAKER_JOB_NAME": spec.name,
        "SAGEMAKER_REGION": spec.region,
        "CURRENT_HOST": HOST,
        "TRAINING_JOB_NAME": spec.name,
        "TRAINING_JOB_ARN": spec.arn,
    }


def _facts(spec: TrainingSpec, layout: Layout) -> dict[str, Any]:
    """Each fact under its variable's name, in lower case and without `SM_`."""
    seen = layout.seen
    resources = resource_config(spec)
    framework = spec.image.framework
    return {
        "hosts": resources["hosts"],
        "current_host": HOST,
        "current_instance_type": spec.instance_type,
        "current_instance_group": INSTANCE_GROUP,
        "current_instance_group_hosts": resources["hosts"],
        "instance_groups": [INSTANCE_GROUP],
        "instance_groups_dict": {INSTANCE_GROUP: resources["instance_groups"][0]},
        "distribution_instance_groups": [],
        "is_hetero": False,
        "network_interface_name": NETWORK_INTERFACE,
        "num_cpus": len(os.sched_getaffinity(0)),
        "num_gpus": 0,
        "num_neurons": 0,
        "hps": spec.user_parameters,
        "user_args": arguments(spec.user_parameters),
        "user_entry_point": spec.program,
        "module_name": spec.program.removesuffix(".py"),
        "module_dir": spec.source_uri,
        "framework_module": f"sagemaker_{framework}_container.training:main" if spec.program else "",
        "framework_params": {
            name: value for name, value in spec.toolkit_parameters.items() if name not in _TOOLKIT_OWN
        },
        "log_level": spec.toolkit_parameters.get("sagemaker_container_log_level", 20),
        "resource_config": resources,
        "input_data_config": input_data_config(spec),
        "channels": sorted(channel.name for channel in spec.channels),
        "channel_input_dirs": {
            channel.name: str(seen / "input" / "data" / channel.name) for channel in spec.channels
        },
        "input_dir": str(seen / "input"),
        "input_config_dir": str(seen / "input" / "config"),
        "model_dir": str(seen / "model"),
        "output_dir": str(seen / "output"),
        "output_data_dir": str(seen / "output" / "data"),
        "output_intermediate_dir": str(seen / "output" / "intermediate"),
    }


_TOOLKIT_OWN = (
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "sagemaker_s3_output",
)
"""Parameters that the toolkit keeps for itself; the framework's container sees the others."""


def _training_env(spec: TrainingSpec, facts: Mapping[str, Any]) -> dict[str, Any]:
    """All facts in one: `SM_TRAINING_ENV`."""
    renamed = {"hps": "hyperparameters", "framework_params": "additional_framework_parameters"}
    left_out = ("user_args", "channels")
    env = {renamed.get(name, name): value for name, value in facts.items() if name not in left_out}
    return env | {"job_name": spec.name, "is_master": True, "master_hostname": HOST}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
