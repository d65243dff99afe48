"""A model: an archive in the object store, and the script that serves it."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ironworks.errors import ClientError
from ironworks.sdk import instance_types
from ironworks.sdk.deletion import Deletable
from ironworks.sdk.deployment import deploy
from ironworks.sdk.jobs import CompilationJob
from ironworks.sdk.legacy import legacy_names
from ironworks.sdk.model_archives import packed, target_of, with_code
from ironworks.sdk.naming import unique_name
from ironworks.sdk.serializers import NPY, ArrayDeserializer
from ironworks.sdk.session import default_session
from ironworks.sdk.source import Source

if TYPE_CHECKING:
    from ironworks.runtime import CompiledModel
    from ironworks.sdk.predictor import Predictor
    from ironworks.sdk.serializers import Deserializer, Serializer
    from ironworks.sdk.session import Session

MAX_COMPILE_SECONDS = 900


class Model(Deletable):
    """A trained or a compiled model that can be compiled and deployed.

    Args:
        model_data: an S3 URI of a `.tar.gz`, or a file or folder here: such an archive, a folder to be packed as one,
            or an ONNX file.
        entry_point: the script with the hooks around the model; None: payloads are read by their content type.
        source_dir: as `MXNet` has it.
        dependencies: as `MXNet` has them.
        framework: `mxnet` or `onnx`; an ONNX file needs none.
        framework_version: such as `1.9.1`.
        target: what the model was compiled for; None if it is not compiled. That of an artifact here is read from it.
        image_uri: the container image that the model says it is served in; made of the framework if not given.
        name: how endpoints of it are called, with the time behind it.
        session: of whose server.

    `compilation` is the job that has made it, if one has; `predictor` that of the last `deploy`.

    Raises:
        ClientError: there is nothing at `model_data`, or no script.
    """

    @legacy_names(
        {"image": "image_uri", "sagemaker_session": "session"}, {"role": "the installation has one"}
    )
    def __init__(
        self,
        model_data: str | Path,
        *,
        entry_point: str | None = None,
        source_dir: str = "",
        dependencies: Sequence[str] = (),
        framework: str | None = None,
        framework_version: str = "1.9.1",
        target: str | None = None,
        image_uri: str | None = None,
        name: str | None = None,
        session: Session | None = None,
    ) -> None:
        self.session = session or default_session()
        self.framework = framework or ("onnx" if str(model_data).endswith(".onnx") else "mxnet")
        self.framework_version = framework_version
        self.name = name or self.framework
        self.target = target
        self.source = Source(entry_point, source_dir, tuple(dependencies)) if entry_point else None
        if self.source is not None:
            self.source.check()
        self.compilation: CompilationJob | None = None
        self.predictor: Predictor | None = None
        self._image = image_uri
        self._uploaded: list[str] = []
        self._served = ""
        self._model_data = self._stored(model_data)

    def __repr__(self) -> str:
        state = f"compiled for {self.target}" if self.target else "not compiled"
        return f"<Model {self.name}: {self.framework}, {state}, {self._model_data or self.compilation}>"

    @property
    def model_data(self) -> str:
        """The S3 URI of the archive.

        Raises:
            ClientError: its compilation job has not made it.
        """
        if not self._model_data and self.compilation is not None:
            self._model_data = self.compilation.model_data
        return self._model_data

    def compile(
        self,
        target: str,
        input_shape: Mapping[str, Sequence[int]] | None = None,
        *,
        options: Mapping[str, Any] | None = None,
        output_path: str | None = None,
        job_name: str | None = None,
        wait: bool = True,
        logs: bool = True,
    ) -> Model:
        """Compile the model for `target` by a compilation job; the compiled model.

        Args:
            target: such as `ml_c5` or `LINUX_X86_64`; `ironworks targets` lists them.
            input_shape: shape by input name; ONNX files that fix theirs need none.
            options: CompilerOptions, such as `{"precision": "auto", "batch_sizes": [1, 8]}`.
            output_path: the S3 URI of the folder for the artifact.
            job_name: the job's name.
            wait: False returns at once; `model.compilation.wait()` waits later.
            logs: whether the compiler's lines are shown while waiting.

        Raises:
            ClientError: the target is unknown, or the request was refused.
            CompilationFailed: the job failed.
        """
        name = job_name or unique_name(f"{self.name}-{target}")
        output = {
            "S3OutputLocation": output_path or f"s3://{self.session.default_bucket()}/{name}",
            **instance_types.output_of(target),
            **({"CompilerOptions": json.dumps(dict(options))} if options else {}),
        }
        job = self._create_compilation_job(name, input_shape or {}, output)
        return self._compiled(job.wait(logs) if wait else job, target)

    @legacy_names({"initial_instance_count": "instance_count"})
    def deploy(
        self,
        instance_count: int = 1,
        instance_type: str | None = None,
        *,
        endpoint_name: str | None = None,
        serializer: Serializer | None = None,
        deserializer: Deserializer | None = None,
        wait: bool = True,
    ) -> Predictor:
        """Bring an endpoint into service that serves the model; its predictor.

        Args:
            instance_count: how many processes serve it.
            instance_type: such as `ml.c5.large`; None: one that fits the target.
            endpoint_name: the endpoint's name.
            serializer: as `Predictor` has it.
            deserializer: as `Predictor` has it.
            wait: False returns at once; `predictor.status` says when it is `InService`.

        Raises:
            ClientError: the model cannot be deployed there, or the request was refused.
            DeploymentFailed: the endpoint did not come into service.
        """
        wanted = instance_type or instance_types.for_target(self.target)
        name = endpoint_name or unique_name(self.name)
        self.predictor = deploy(
            self.session,
            name,
            container=self._container(),
            instance_count=instance_count,
            instance_type=instance_types.on_the_wire(wanted),
            serializer=serializer,
            deserializer=deserializer or (ArrayDeserializer(NPY) if self.source is None else None),
            wait=wait,
        )
        return self.predictor

    def download(self, path: str | Path) -> Path:
        """Copy the model's archive to a file."""
        return self.session.download(self.model_data, path)

    def load(self, threads: int | None = None) -> CompiledModel:
        """Load a compiled model into this process: `model.load().run(x)`.

        Raises:
            ClientError: it is not compiled.
        """
        from ironworks.runtime import load

        if self.target is None:
            raise ClientError(
                "The model is not compiled, and only a compiled model runs here. Compile it: .compile(…)"
            )
        with tempfile.TemporaryDirectory() as folder:
            return load(self.download(Path(folder) / "model.tar.gz"), threads)

    def delete(self) -> None:
        """Delete what was stored for this model: what was uploaded, and a compilation job with its artifact."""
        for uri in self._uploaded:
            self.session.delete_objects(uri)
        self._uploaded.clear()
        if self.compilation is not None:
            job, self.compilation = self.compilation, None
            artifact = job.description["ModelArtifacts"]["S3ModelArtifacts"]
            job.delete()
            if artifact:
                self.session.delete_objects(artifact)

    def _create_compilation_job(
        self, name: str, input_shape: Mapping[str, Sequence[int]], output: dict[str, Any]
    ) -> CompilationJob:
        source = {"S3Uri": self.model_data, "Framework": self.framework.upper()}
        if input_shape:
            source["DataInputConfig"] = json.dumps({key: list(shape) for key, shape in input_shape.items()})
        self.session.call(
            "sagemaker",
            "create_compilation_job",
            CompilationJobName=name,
            RoleArn=self.session.role,
            InputConfig=source,
            OutputConfig=output,
            StoppingCondition={"MaxRuntimeInSeconds": MAX_COMPILE_SECONDS},
        )
        return CompilationJob(name, self.session)

    def _compiled(self, job: CompilationJob, target: str) -> Model:
        """This model as `job` makes it."""
        compiled = copy.copy(self)
        compiled.compilation, compiled.target = job, target
        compiled._image, compiled._served, compiled._model_data = None, "", ""
        compiled._uploaded, compiled.predictor = [], None
        return compiled

    def _stored(self, model_data: str | Path) -> str:
        """The S3 URI of what was given; what is here is packed and uploaded."""
        if str(model_data).startswith("s3://"):
            return str(model_data)
        path = Path(model_data)
        if not path.exists():
            raise ClientError(
                f"There is no model at {path}. Give a file or a folder that is there, or an S3 URI."
            )
        with tempfile.TemporaryDirectory() as folder:
            archive = packed(path, Path(folder))
            self.target = self.target or target_of(archive)
            return self._upload(archive)

    def _upload(self, archive: Path) -> str:
        uri = f"s3://{self.session.default_bucket()}/{unique_name(self.name)}/model.tar.gz"
        self._uploaded.append(uri)
        return self.session.upload(archive, uri)

    def _container(self) -> dict[str, Any]:
        """`PrimaryContainer` of CreateModel."""
        if self.source is None:
            return {"Image": self._image_uri(), "ModelDataUrl": self.model_data}
        environment = {
            "SAGEMAKER_PROGRAM": self.source.program,
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
            "SAGEMAKER_REGION": self.session.region,
        }
        return {
            "Image": self._image_uri(),
            "ModelDataUrl": self._with_code(self.source),
            "Environment": environment,
        }

    def _with_code(self, source: Source) -> str:
        """The S3 URI of the model with the script in it, which is made once."""
        if not self._served:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                source.fetch(self.session, folder / "code.tar.gz")
                self.download(folder / "model.tar.gz")
                with_code(folder / "model.tar.gz", folder / "code.tar.gz", folder / "served.tar.gz")
                self._served = self._upload(folder / "served.tar.gz")
        return self._served

    def _image_uri(self) -> str:
        if self._image is None and self.compilation is not None:
            self._image = self.compilation.description.get("InferenceImage")
        return self._image or f"{self.framework}-inference:{self.framework_version}-cpu-py3"
