"""The unpacked model of an endpoint's variant, shared by the variant's instances."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ironworks import archives
from ironworks.compiler import targets
from ironworks.control.plans import Variant
from ironworks.errors import ClientError
from ironworks.objects import ObjectStore, parse_s3_uri
from ironworks.objects.errors import ObjectError


def prepare(store: ObjectStore, variant: Variant, folder: Path) -> None:
    """Fetch and unpack a variant's model into `folder`, whole or not at all; one that is there is kept.

    Raises:
        ClientError: the archive cannot be read, or was compiled for another family of instances.
    """
    if folder.exists():
        return
    unpacked = folder.with_name(folder.name + ".partial")
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir(parents=True)
    archive = unpacked.with_suffix(".tar.gz")
    try:
        bucket, key = parse_s3_uri(variant.model_data)
        store.download(bucket, key, archive)
        archives.extract(archive, unpacked, variant.model_data)
    except ObjectError as error:
        raise ClientError(
            f"The model data of {variant.model_name}, {variant.model_data}, cannot be read "
            f"({error.code}: {error}). ModelDataUrl must name an archive that is there."
        ) from error
    finally:
        archive.unlink(missing_ok=True)
    _check_target(variant, unpacked)
    unpacked.rename(folder)


def _check_target(variant: Variant, folder: Path) -> None:
    target = _target(folder)
    if target is not None and not targets.runs_on(target, variant.instance_type):
        raise ClientError(
            f"The model {variant.model_name} was compiled for {target}, and variant {variant.name} asks for "
            f"{variant.instance_type}. Deploy it on an instance of the family {target.replace('_', '.', 1)}, "
            f"or compile it for {targets.family_of(variant.instance_type)}."
        )


def _target(folder: Path) -> str | None:
    """What the artifact was compiled for; None if it does not say: its instance refuses it, in its own words.

    The runtime's reader checks more, and would bring numpy into the server.
    """
    try:
        target = json.loads((folder / "manifest.json").read_bytes())["target"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return target if isinstance(target, str) else None
