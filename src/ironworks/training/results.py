"""What a job leaves: the model artifact, and the script's other output."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ironworks import archives
from ironworks.objects import ObjectStore, parse_s3_uri
from ironworks.training.checkpoints import files
from ironworks.training.layout import Layout
from ironworks.training.spec import TrainingSpec


def output_location(spec: TrainingSpec) -> tuple[str, str]:
    """Bucket and key prefix (without a slash at its end) of the job's results."""
    return parse_s3_uri(f"{spec.output_uri}/{spec.name}/output")


def upload_results(spec: TrainingSpec, layout: Layout, store: ObjectStore) -> str:
    """Upload the model, and what lies in `output/data` if anything does; the model's S3 URI.

    Raises:
        ClientError: the bucket refuses them, or the script put a link in a folder's place.
    """
    bucket, prefix = output_location(spec)
    upload = _upload_archive if spec.compress else _upload_files
    if any(layout.own(layout.output).iterdir()):
        upload(layout.output, bucket, f"{prefix}/{'output' if spec.compress else 'data'}", store)
    return upload(layout.own(layout.model), bucket, f"{prefix}/model", store)


def _upload_archive(directory: Path, bucket: str, stem: str, store: ObjectStore) -> str:
    key = f"{stem}.tar.gz"
    with tempfile.TemporaryDirectory(dir=directory.parent) as folder:
        archive = Path(folder) / "archive"
        archives.pack(directory, archive)
        store.upload(archive, bucket, key)
    return f"s3://{bucket}/{key}"


def _upload_files(directory: Path, bucket: str, prefix: str, store: ObjectStore) -> str:
    for path, _ in files(directory):
        store.upload(path, bucket, f"{prefix}/{path.relative_to(directory).as_posix()}")
    return f"s3://{bucket}/{prefix}/"
