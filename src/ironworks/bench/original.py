"""Finds what an endpoint's compiled model was made of: endpoint → model → compilation job → its input."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError as ServiceError

from ironworks.archives import extract
from ironworks.bench.access import Access, told
from ironworks.errors import ClientError
from ironworks.objects.uri import parse_s3_uri
from ironworks.runtime import ArtifactError, Manifest
from ironworks.runtime.manifest import ANY, FILE_NAME

_JOBS = 200
"""Compilation jobs that are looked at, newest first."""

_REMEDY = "Give the original yourself: --original FILE or --original s3://BUCKET/KEY."


@dataclass(frozen=True)
class Original:
    """An MXNet checkpoint.

    Attributes:
        folder: where it has been unpacked.
        source: where it came from.
        shapes: of each input, as the compiled model takes it.
    """

    folder: Path
    source: str
    shapes: Mapping[str, tuple[int, ...]]


def find(access: Access, endpoint: str, source: str | None, folder: Path) -> Original:
    """The original of an endpoint's model, unpacked below `folder`.

    Args:
        source: a file, a folder or an S3 URI; None looks for the compilation job that made the endpoint's model.

    Raises:
        ClientError: it cannot be found, or is no MXNet checkpoint.
    """
    with told(f"The model of the endpoint {endpoint} cannot be found"):
        deployed = _deployed(access, endpoint)
        archive = _download(access, deployed, folder / "deployed.tar.gz")
        text = _manifest(archive)
        if text is None:
            raise ClientError(
                f"The endpoint {endpoint} serves {deployed}, which is not compiled: there is no original to compare "
                "it with. Compare it with another endpoint: --against ENDPOINT"
            )
        where = source or _compiled_from(access, deployed, text, folder, endpoint)
        checkpoint = _unpacked(access, where, folder / "original")
    if not any(checkpoint.rglob("*-symbol.json")):
        raise ClientError(
            f"The original {where} is no MXNet checkpoint (it has no file -symbol.json), and --against flask serves "
            "MXNet models only."
        )
    return Original(checkpoint, where, _shapes(text))


def _deployed(access: Access, endpoint: str) -> str:
    """The archive of the endpoint's first variant."""
    client = access.sagemaker
    config = client.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    variants = client.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    model = client.describe_model(ModelName=variants[0]["ModelName"])
    container = model.get("PrimaryContainer") or model["Containers"][0]
    return str(container["ModelDataUrl"])


def _compiled_from(access: Access, deployed: str, manifest: bytes, folder: Path, endpoint: str) -> str:
    """The input of the compilation job that made an artifact.

    The SDK packs an artifact anew to put the script beside it; the manifest, with the files' checksums, stays.
    """
    for job in _completed(access):
        artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
        if artifact == deployed:
            return str(job["InputConfig"]["S3Uri"])
        try:
            copy = _download(access, artifact, folder / "artifact.tar.gz")
        except ServiceError:
            continue  # it has been deleted since
        if _manifest(copy) == manifest:
            return str(job["InputConfig"]["S3Uri"])
    raise ClientError(
        f"No compilation job of this server made the model of the endpoint {endpoint} ({deployed}), so its original "
        f"is not known. {_REMEDY}"
    )


def _completed(access: Access) -> Iterator[Mapping[str, Any]]:
    pages = access.sagemaker.get_paginator("list_compilation_jobs").paginate(
        StatusEquals="COMPLETED",
        SortBy="CreationTime",
        SortOrder="Descending",
        PaginationConfig={"MaxItems": _JOBS, "PageSize": 100},
    )
    for page in pages:
        for summary in page["CompilationJobSummaries"]:
            yield access.sagemaker.describe_compilation_job(CompilationJobName=summary["CompilationJobName"])


def _download(access: Access, uri: str, path: Path) -> Path:
    bucket, key = parse_s3_uri(uri)
    access.s3.download_file(bucket, key, str(path))
    return path


def _unpacked(access: Access, source: str, folder: Path) -> Path:
    path = Path(source)
    if source.startswith("s3://"):
        path = _download(access, source, folder.with_suffix(".tar.gz"))
    elif path.is_dir():
        return path
    elif not path.is_file():
        raise ClientError(f"The original {source} is neither a file nor a folder.")
    folder.mkdir()
    extract(path, folder, source)
    return folder


def _manifest(archive: Path) -> bytes | None:
    """The text of an artifact's manifest; None if this is no artifact."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.name.removeprefix("./") == FILE_NAME and (file := tar.extractfile(member)):
                    return file.read()
    except tarfile.TarError:
        return None
    return None


def _shapes(manifest: bytes) -> dict[str, tuple[int, ...]]:
    """Of the one input. A number of rows that is left open is one."""
    try:
        inputs = Manifest.from_json(manifest.decode()).inputs
    except (ArtifactError, UnicodeDecodeError) as error:
        raise ClientError(f"The endpoint's model cannot be read: {error}") from None
    if len(inputs) != 1:
        names = ", ".join(tensor.name for tensor in inputs)
        raise ClientError(f"The model has the inputs {names}: --against flask serves models with one input.")
    return {inputs[0].name: tuple(1 if size == ANY else size for size in inputs[0].shape)}
