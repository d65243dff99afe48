"""What a training job asks for, read from the CreateTrainingJob request.

Everything that the request alone shows to be impossible is refused here, so a job that could never
run is not created. What depends on the machine (an interpreter, bubblewrap) is found when it runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import regex

from ironworks.errors import ClientError
from ironworks.objects import parse_s3_uri
from ironworks.training.images import Image
from ironworks.training.recipes import recipe_of

CHECKPOINTS = "/opt/ml/checkpoints"
_BASE = "/opt/ml/"
_CHANNEL_DATA = "/opt/ml/input/data/"
_RESERVED = ("code", "input", "model", "output")
"""Folders of /opt/ml that checkpoints may not take."""

_TOOLKIT_PREFIX = "sagemaker_"
_TOOLKIT_NAMES = ("_tuning_objective_metric", "default_user_module_name")


@dataclass(frozen=True)
class Channel:
    """One named input.

    Attributes:
        name: the folder below `input/data`.
        data_type: `S3Prefix` or `ManifestFile`.
        uri: the prefix, or the manifest.
        distribution: `FullyReplicated` or `ShardedByS3Key`; with one host that is the same.
        record_wrapper: `None` or `RecordIO`; the script is told, nothing else.
    """

    name: str
    data_type: str
    uri: str
    distribution: str
    record_wrapper: str


@dataclass(frozen=True)
class MetricDefinition:
    """A metric's name and the expression whose first group is its value."""

    name: str
    pattern: regex.Pattern[str]


@dataclass(frozen=True)
class Checkpoints:
    """Where checkpoints are kept, and the folder that the script sees them in."""

    uri: str
    local_path: str


@dataclass(frozen=True)
class TrainingSpec:
    """One training job.

    Attributes:
        name, arn, region, account: which job it is, and whose.
        image: the framework and version.
        entrypoint: a command that replaces the script, with its arguments; empty in script mode.
        hyperparameters: all of them, as they were sent.
        channels: in the order of the request.
        output_uri: the folder under which `NAME/output/` is made.
        compress: whether the model is packed as `model.tar.gz`.
        instance_type: echoed to the script.
        max_runtime: seconds that training may take.
        metrics: what to look for in the log.
        checkpoints: where they are kept, if the job keeps any.
        environment: the user's own environment variables.
        network_isolation: whether the script must not reach any network.
    """

    name: str
    arn: str
    region: str
    account: str
    image: Image
    entrypoint: tuple[str, ...]
    hyperparameters: Mapping[str, str]
    channels: tuple[Channel, ...]
    output_uri: str
    compress: bool
    instance_type: str
    max_runtime: float
    metrics: tuple[MetricDefinition, ...]
    checkpoints: Checkpoints | None
    environment: Mapping[str, str]
    network_isolation: bool

    @classmethod
    def from_request(cls, request: Mapping[str, Any], *, region: str, account: str, arn: str) -> TrainingSpec:
        """Read a CreateTrainingJob request that fits AWS's service model.

        Raises:
            ClientError: it asks for something that is not done here.
        """
        algorithm = request["AlgorithmSpecification"]
        _refuse_input_mode(algorithm["TrainingInputMode"], "AlgorithmSpecification")
        output = request["OutputDataConfig"]
        parse_s3_uri(output["S3OutputPath"])
        spec = cls(
            name=request["TrainingJobName"],
            arn=arn,
            region=region,
            account=account,
            image=_image(algorithm),
            entrypoint=(
                *algorithm.get("ContainerEntrypoint", ()),
                *algorithm.get("ContainerArguments", ()),
            ),
            hyperparameters=dict(request.get("HyperParameters", {})),
            channels=_channels(request.get("InputDataConfig", ())),
            output_uri=output["S3OutputPath"].rstrip("/"),
            compress=output.get("CompressionType", "GZIP") != "NONE",
            instance_type=_instance_type(request["ResourceConfig"]),
            max_runtime=float(request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400)),
            metrics=tuple(_metric(definition) for definition in algorithm.get("MetricDefinitions", ())),
            checkpoints=_checkpoints(request.get("CheckpointConfig")),
            environment=dict(request.get("Environment", {})),
            network_isolation=bool(request.get("EnableNetworkIsolation", False)),
        )
        _refuse_program(spec, algorithm)
        _refuse_variables(spec)
        return spec

    @property
    def program(self) -> str:
        """The script's name, such as `mnist.py`; empty if a command replaces it."""
        return str(self.toolkit_parameters.get("sagemaker_program", ""))

    @property
    def source_uri(self) -> str:
        """The archive with the user's code: an S3 URI, or with network isolation a file of a channel.

        Empty if there is none.
        """
        return str(self.toolkit_parameters.get("sagemaker_submit_directory", ""))

    @property
    def user_parameters(self) -> dict[str, Any]:
        """The hyperparameters that are the script's own, decoded from JSON where they are JSON."""
        return {name: decode(value) for name, value in self.hyperparameters.items() if not _is_toolkits(name)}

    @property
    def toolkit_parameters(self) -> dict[str, Any]:
        """The hyperparameters that the SDK added, decoded."""
        return {name: decode(value) for name, value in self.hyperparameters.items() if _is_toolkits(name)}


def decode(value: str) -> Any:
    """A hyperparameter's value: what its JSON says, or the text itself if it is not JSON."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _is_toolkits(name: str) -> bool:
    return name.startswith(_TOOLKIT_PREFIX) or name in _TOOLKIT_NAMES


def _image(algorithm: Mapping[str, Any]) -> Image:
    if "TrainingImage" not in algorithm:
        raise ClientError(
            "Algorithms from AWS Marketplace (AlgorithmName) are not available here. Give a TrainingImage."
        )
    image = Image.parse(algorithm["TrainingImage"])
    recipe_of(image)
    return image


def _instance_type(resources: Mapping[str, Any]) -> str:
    if resources.get("InstanceGroups"):
        raise ClientError(
            "ResourceConfig.InstanceGroups is not supported yet. Give InstanceType and InstanceCount=1."
        )
    count = resources.get("InstanceCount", 1)
    if count != 1:
        raise ClientError(
            f"Training on more than one host is not supported yet, and ResourceConfig.InstanceCount is {count}. "
            "Set it to 1."
        )
    return str(resources.get("InstanceType", "local"))


def _refuse_program(spec: TrainingSpec, algorithm: Mapping[str, Any]) -> None:
    parameters = spec.toolkit_parameters
    if parameters.get("sagemaker_mpi_enabled") is True:
        raise ClientError("Training with MPI is not supported yet. Leave sagemaker_mpi_enabled out.")
    if spec.entrypoint:
        return
    for name, meaning in (
        ("sagemaker_program", "the script to run"),
        ("sagemaker_submit_directory", "the S3 URI of the archive with it"),
    ):
        if not parameters.get(name):
            raise ClientError(
                f"The image {algorithm['TrainingImage']!r} runs your own script, and the hyperparameter {name} "
                f"({meaning}) is missing. The SageMaker SDK's estimator sets it from entry_point; or give "
                "AlgorithmSpecification.ContainerEntrypoint."
            )
    if not spec.source_uri.startswith(_CHANNEL_DATA):
        parse_s3_uri(spec.source_uri)
    parts = spec.program.split("/")
    if parts[0] == "" or ".." in parts:
        raise ClientError(
            f"sagemaker_program is {spec.program!r}. Give a path inside the source archive, such as 'train.py'."
        )


def _refuse_variables(spec: TrainingSpec) -> None:
    """What the operating system cannot put into a process's arguments and environment."""
    for kind, values in (
        ("hyperparameter", spec.hyperparameters),
        ("environment variable", spec.environment),
    ):
        for name, value in values.items():
            if "\0" in name + value:
                raise ClientError(f"The {kind} {name!r} holds a NUL character. Take it out.")
            if not _encodable(name + value):
                raise ClientError(f"The {kind} {name!r} holds half of a surrogate pair. Take it out.")
    for name in spec.environment:
        if not name or "=" in name:
            raise ClientError(f"{name!r} cannot be the name of an environment variable. Choose another.")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _channels(configs: Any) -> tuple[Channel, ...]:
    channels = tuple(_channel(config) for config in configs)
    names = [channel.name for channel in channels]
    for name in names:
        if names.count(name) > 1:
            raise ClientError(f"The channel {name!r} is given twice. Give each channel a name of its own.")
    return channels


def _channel(config: Mapping[str, Any]) -> Channel:
    name = config["ChannelName"]
    if name in (".", ".."):
        raise ClientError(f"A channel cannot be called {name!r}: its name is the name of its folder.")
    _refuse_input_mode(config.get("InputMode", "File"), f"the channel {name!r}")
    source = config["DataSource"].get("S3DataSource")
    if source is None:
        raise ClientError(
            f"The channel {name!r} does not come from S3. File systems (EFS, FSx) and other sources are not "
            "supported: put the data into a bucket and give an S3DataSource."
        )
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise ClientError(
            f"The channel {name!r} has the S3DataType {source['S3DataType']!r}, which is not supported. "
            "Use S3Prefix or ManifestFile."
        )
    parse_s3_uri(source["S3Uri"])
    return Channel(
        name=name,
        data_type=source["S3DataType"],
        uri=source["S3Uri"],
        distribution=source.get("S3DataDistributionType", "FullyReplicated"),
        record_wrapper=config.get("RecordWrapperType", "None"),
    )


def _refuse_input_mode(mode: str, where: str) -> None:
    if mode != "File":
        raise ClientError(
            f"The input mode {mode!r} (of {where}) is not supported. Use 'File': the data is then a folder of files."
        )


def _metric(definition: Mapping[str, str]) -> MetricDefinition:
    name, text = definition["Name"], definition["Regex"]
    try:
        pattern = regex.compile(text)
    except (regex.error, OverflowError, RecursionError) as error:
        raise ClientError(
            f"The regular expression of the metric {name!r} is wrong: {error} in {text!r}."
        ) from error
    if pattern.groups == 0:
        raise ClientError(
            f"The regular expression of the metric {name!r} has no group for the value: put brackets around "
            f"the number in {text!r}, as in 'accuracy=([0-9.]+)'."
        )
    return MetricDefinition(name, pattern)


def _checkpoints(config: Mapping[str, str] | None) -> Checkpoints | None:
    if not config:
        return None
    parse_s3_uri(config["S3Uri"])
    path = config.get("LocalPath", CHECKPOINTS).rstrip("/")
    parts = path.removeprefix(_BASE).split("/")
    if not path.startswith(_BASE) or parts[0] in ("", *_RESERVED) or {"..", "."} & set(parts):
        raise ClientError(
            f"CheckpointConfig.LocalPath is {path!r}. Give a folder below {_BASE} other than those of the "
            f"training contract ({', '.join(_RESERVED)}), or leave it out for {CHECKPOINTS}."
        )
    return Checkpoints(config["S3Uri"].rstrip("/"), path)
