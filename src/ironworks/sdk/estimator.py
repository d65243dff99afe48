"""An estimator: a script, what it is run with, and the model that comes of it."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec, TypeVar

from ironworks.errors import ClientError
from ironworks.sdk import instance_types
from ironworks.sdk.channels import channels
from ironworks.sdk.deletion import Deletable
from ironworks.sdk.jobs import TrainingJob
from ironworks.sdk.legacy import legacy_names, note
from ironworks.sdk.model import Model
from ironworks.sdk.naming import unique_name
from ironworks.sdk.session import default_session
from ironworks.sdk.source import Source
from ironworks.sdk.training_request import metrics, own_parameters, parameters_of, toolkit_parameters
from ironworks.training.images import Image

if TYPE_CHECKING:
    from ironworks.sdk.session import Session

EstimatorType = TypeVar("EstimatorType", bound="Estimator")
P = ParamSpec("P")
R = TypeVar("R")

DAY = 86400

_RENAMED = {
    "train_instance_count": "instance_count",
    "train_instance_type": "instance_type",
    "train_max_run": "max_run",
    "distributions": "distribution",
    "image_name": "image_uri",
    "sagemaker_session": "session",
}
_IGNORED = {
    "role": "jobs run with the role of the installation",
    "py_version": "the framework's environment has its Python",
    "train_volume_size": "jobs use the disk of this machine",
    "volume_size": "jobs use the disk of this machine",
}


def _on_model(method: Callable[Concatenate[Model, P], R]) -> Callable[Concatenate[Estimator, P], R]:
    """A method of the trained model as one of its estimator."""

    @functools.wraps(method)
    def forwarding(self: Estimator, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return method(self.model, *args, **kwargs)

    return forwarding


class Estimator(Deletable):
    """Runs a script as a training job, in the environment of a framework.

    Args:
        entry_point: the script; with `source_dir`, its path within that.
        image_uri: which framework and version, as images are called, such as `python:3.11`; MXNet has one.
        framework_version: of MXNet: its version; 1.9.1 serves every 1.x.
        source_dir: a folder that is sent whole, or the S3 URI of a `.tar.gz` of one.
        dependencies: further files and folders, which are put beside the script.
        instance_count: how many hosts train.
        instance_type: `local`, or a name of AWS's, which the script is told.
        hyperparameters: the script's arguments.
        metric_definitions: regular expressions by metric name, whose first group is the value in a line of the log.
        distribution: `{"parameter_server": {"enabled": True}}`; with several hosts that is what is used if not given.
        environment: environment variables of the script.
        output_path: the S3 URI under which jobs store what they make; the session's bucket if not given.
        code_location: the S3 URI under which the script is stored; the session's bucket if not given.
        base_job_name: how jobs are called, with the time behind it.
        max_run: seconds that a job may take.
        session: of whose server.

    Raises:
        ClientError: there is no such script, or no image that it could run in.
    """

    _framework: ClassVar[str] = ""
    """The one framework that it trains with, as images call it; empty: any."""
    _version: ClassVar[str] = ""
    """Of the framework, if no other is asked for."""

    @legacy_names(_RENAMED, _IGNORED)
    def __init__(
        self,
        entry_point: str | Path,
        *,
        image_uri: str | None = None,
        framework_version: str | None = None,
        source_dir: str | Path = "",
        dependencies: Sequence[str | Path] = (),
        instance_count: int = 1,
        instance_type: str = instance_types.LOCAL,
        hyperparameters: Mapping[str, Any] | None = None,
        metric_definitions: Mapping[str, str] | Sequence[Mapping[str, str]] = (),
        distribution: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        output_path: str | None = None,
        code_location: str | None = None,
        base_job_name: str | None = None,
        max_run: int = DAY,
        session: Session | None = None,
    ) -> None:
        self.source = Source(str(entry_point), str(source_dir), tuple(map(str, dependencies)))
        self.source.check()
        image = self._image(image_uri, framework_version)
        self.image_uri, self.framework, self.framework_version = image.uri, image.framework, image.version
        self.session = session or default_session()
        self.instance_count = instance_count
        self.instance_type = instance_type
        self.hyperparameters = dict(hyperparameters or {})
        self.metric_definitions = metrics(metric_definitions)
        self.distribution = distribution
        self.environment = dict(environment or {})
        self.base_job_name = base_job_name or Path(self.source.program).stem
        self.max_run = max_run
        self.job: TrainingJob | None = None
        self._output_path, self._code_location = output_path, code_location
        self._model: Model | None = None

    def __repr__(self) -> str:
        state = f"{self.job!r}" if self.job else "not trained yet"
        return f"<{type(self).__name__} {self.source.program} in {self.image_uri}: {state}>"

    @classmethod
    def attach(cls: type[EstimatorType], job_name: str, session: Session | None = None) -> EstimatorType:
        """The estimator of a job that was started elsewhere, or before: to wait for it, compile it, deploy it.

        Raises:
            RequestRefused: there is no such job.
        ClientError: it runs no script, or in another framework.
        """
        job = TrainingJob(job_name, session)
        described = job.description
        parameters = parameters_of(described)
        if not parameters.get("sagemaker_submit_directory"):
            raise ClientError(
                f"The training job {job_name} runs a command of its own and has no script to attach to."
            )
        estimator = cls(
            parameters["sagemaker_program"],
            source_dir=parameters["sagemaker_submit_directory"],
            image_uri=described["AlgorithmSpecification"]["TrainingImage"],
            instance_count=described["ResourceConfig"]["InstanceCount"],
            instance_type=described["ResourceConfig"]["InstanceType"],
            hyperparameters=own_parameters(parameters),
            metric_definitions=described["AlgorithmSpecification"].get("MetricDefinitions", ()),
            output_path=described["OutputDataConfig"]["S3OutputPath"],
            session=job.session,
        )
        estimator.job = job
        return estimator

    def _image(self, image_uri: str | None, framework_version: str | None) -> Image:
        if image_uri is None and not self._framework:
            raise ClientError(
                "An Estimator needs image_uri, such as 'python:3.11'. iw.MXNet has one of its own."
            )
        version = framework_version or self._version
        image = Image.parse(image_uri or f"{self._framework}-training:{version}-cpu-py3")
        if self._framework and image.framework != self._framework:
            raise ClientError(f"{image.uri} is no image of {type(self).__name__}. Take iw.Estimator for it.")
        return image

    @property
    def output_path(self) -> str:
        """The S3 URI under which jobs store what they make."""
        return (self._output_path or f"s3://{self.session.default_bucket()}").rstrip("/")

    @property
    def code_location(self) -> str:
        """The S3 URI under which the script is stored."""
        return (self._code_location or f"s3://{self.session.default_bucket()}").rstrip("/")

    @property
    def latest_training_job(self) -> TrainingJob:
        """The last job.

        Raises:
            ClientError: there is none yet.
        """
        if self.job is None:
            raise ClientError("Nothing has been trained yet. Call fit first, or attach to a job by its name.")
        return self.job

    @property
    def model_data(self) -> str:
        """The S3 URI of the trained model."""
        return self.latest_training_job.model_data

    @property
    def metrics(self) -> Mapping[str, float]:
        """The last value of each metric of `metric_definitions`."""
        return self.latest_training_job.metrics

    def fit(
        self: EstimatorType,
        inputs: Any = None,
        wait: bool = True,
        logs: bool = True,
        job_name: str | None = None,
    ) -> EstimatorType:
        """Train: run the script as a training job.

        Args:
            inputs: data by channel: an S3 URI, a file, a folder, an array, or a list or dict of arrays. Whatever is
                no mapping of channels is the channel `training`.
            wait: show what happens and return when the job has ended; False returns at once, `wait()` waits later.
            logs: whether what the script prints is shown while waiting.
            job_name: the job's name.

        Raises:
            ClientError: the data cannot be read, or the request was refused.
            TrainingFailed: the job failed.
        """
        name = job_name or unique_name(self.base_job_name)
        job = TrainingJob(name, self.session)
        if job_name is not None and job.exists:
            raise ClientError(
                f"There is a training job {name} already. Choose another name, or attach to it."
            )
        code = f"{self.code_location}/{name}/source/"
        data = f"s3://{self.session.default_bucket()}/{name}/input/"
        with self.session.objects_removed_on_failure(code, data):
            stored = self.source.upload(self.session, f"{code}sourcedir.tar.gz")
            request = self._request(name, stored, channels(self.session, inputs, data.rstrip("/")))
            self.session.call("sagemaker", "create_training_job", **request)
        self.job, self._model = job, None
        return self.wait(logs) if wait else self

    def wait(self: EstimatorType, logs: bool = True) -> EstimatorType:
        """Show what happens until the last job has ended. Ctrl-C ends the waiting alone.

        Raises:
            TrainingFailed: the job failed.
        """
        self.latest_training_job.wait(logs)
        return self

    def stop(self) -> None:
        """Ask the last job to stop."""
        self.latest_training_job.stop()

    @property
    def model(self) -> Model:
        """The trained model, not compiled, with the script as it was when it was trained."""
        if self._model is None:
            job = self.latest_training_job
            parameters = parameters_of(job.description)
            self._model = Model(
                job.model_data,
                entry_point=parameters["sagemaker_program"],
                source_dir=parameters["sagemaker_submit_directory"],
                framework=self.framework,
                framework_version=self.framework_version,
                name=self.base_job_name,
                session=self.session,
            )
        return self._model

    compile = _on_model(Model.compile)
    deploy = _on_model(Model.deploy)

    @legacy_names(
        ignored={**_IGNORED, "tags": "there are none here", "compile_max_run": "it is 15 minutes here"}
    )
    def compile_model(
        self,
        target_instance_family: str,
        input_shape: Mapping[str, Sequence[int]],
        output_path: str,
        framework: str | None = None,
        framework_version: str | None = None,
    ) -> Model:
        """The SageMaker SDK's name of `compile`, with its arguments."""
        note("compile_model", "it is called compile here, and target_instance_family is target")
        model = copy.copy(self.model)
        model.framework = framework or model.framework
        model.framework_version = framework_version or model.framework_version
        return model.compile(target_instance_family, input_shape, output_path=output_path)

    def delete_endpoint(self) -> None:
        """The SageMaker SDK's way to delete the endpoint that `deploy` of this estimator made last."""
        note("Estimator.delete_endpoint", "the predictor deletes it here, predictor.delete()")
        if self.model.predictor is None:
            raise ClientError("This estimator has deployed nothing.")
        self.model.predictor.delete_endpoint()

    def delete(self) -> None:
        """Delete the last job, if there is one, with its script, its uploaded data and what it has made."""
        if self._model is not None:
            self._model.delete()
        if self.job is not None:
            self.job.delete()
            for folder in {self.output_path, self.code_location, f"s3://{self.session.default_bucket()}"}:
                self.session.delete_objects(f"{folder}/{self.job.name}/")
        self.job = self._model = None

    def _request(self, name: str, source: Source, data: list[dict[str, Any]]) -> dict[str, Any]:
        """The members of CreateTrainingJob."""
        algorithm: dict[str, Any] = {"TrainingImage": self.image_uri, "TrainingInputMode": "File"}
        if self.metric_definitions:
            algorithm["MetricDefinitions"] = self.metric_definitions
        return {
            "TrainingJobName": name,
            "RoleArn": self.session.role,
            "AlgorithmSpecification": algorithm,
            "HyperParameters": toolkit_parameters(
                self.hyperparameters,
                name,
                source,
                self.session.region,
                self.distribution,
                self.instance_count,
            ),
            **({"InputDataConfig": data} if data else {}),
            "OutputDataConfig": {"S3OutputPath": self.output_path},
            "ResourceConfig": {
                "InstanceType": instance_types.on_the_wire(self.instance_type),
                "InstanceCount": self.instance_count,
                "VolumeSizeInGB": 30,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": self.max_run},
            **({"Environment": self.environment} if self.environment else {}),
        }


class MXNet(Estimator):
    """Trains with MXNet: `framework_version` takes the image's place. The arguments are those of `Estimator`."""

    _framework = "mxnet"
    _version = "1.9.1"
