"""The folder of an endpoint's variant, shared by the variant's instances: its unpacked model and its Python.

model/      the model archive, and in model/code the user's script
python/     a virtual environment of its own, if it needs one
ready       all is there
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from ironworks import archives
from ironworks.compiler import targets
from ironworks.control import endpoints, instances, model_pythons
from ironworks.control.plans import Variant
from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from ironworks.errors import ClientError, IronworksError
from ironworks.objects import ObjectStore, parse_s3_uri
from ironworks.objects.errors import ObjectError

STREAM = "preparation"
"""The last part of the log stream's name in which a variant's preparation is told."""


class CalledOffError(IronworksError):
    """The endpoint is no longer wanted."""


def prepare(platform: Platform, endpoint: Resource, variant: Variant) -> None:
    """Make the folder of a variant, whole; one that is there is kept, the half of one that was broken off is not.

    What takes its time is told in the endpoint's log group.

    Raises:
        ClientError: the archive cannot be read, or was compiled for another family of instances; nothing here serves
            its framework; its requirements cannot be installed.
        PlatformError: the framework's environment cannot be made.
        CalledOffError: the endpoint was deleted meanwhile.
    """
    folder = instances.variant_folder(platform.home, endpoint.id, variant)
    ready = folder / "ready"
    if ready.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    model = instances.model_folder(platform.home, endpoint.id, variant)
    model.mkdir(parents=True)
    _unpack(platform.objects, variant.model_data, model, f"The model data of {variant.model_name}")
    _add_code(platform.objects, variant, model)
    _check_target(variant, model)
    model_pythons.prepare(
        platform.environments,
        variant,
        model,
        instances.python_folder(platform.home, endpoint.id, variant),
        _log(platform, endpoint, variant),
        _check(platform, endpoint),
    )
    ready.touch()


def _unpack(store: ObjectStore, uri: str, folder: Path, what: str) -> None:
    archive = folder.with_name("archive.tar.gz")
    try:
        bucket, key = parse_s3_uri(uri)
        store.download(bucket, key, archive)
        archives.extract(archive, folder, uri)
    except ObjectError as error:
        raise ClientError(
            f"{what}, {uri}, cannot be read ({error.code}: {error}). It must name an archive that is there."
        ) from error
    finally:
        archive.unlink(missing_ok=True)


def _add_code(store: ObjectStore, variant: Variant, model: Path) -> None:
    """Unpack the archive of code that SAGEMAKER_SUBMIT_DIRECTORY names, unless it is the model's own."""
    uri = variant.environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if uri.startswith("s3://") and uri != variant.model_data:
        _unpack(store, uri, model / "code", f"The code of {variant.model_name} (SAGEMAKER_SUBMIT_DIRECTORY)")


def _check_target(variant: Variant, model: Path) -> None:
    target = _target(model)
    if target is not None and not targets.runs_on(target, variant.instance_type):
        raise ClientError(
            f"The model {variant.model_name} was compiled for {target}, and variant {variant.name} asks for "
            f"{variant.instance_type}. Deploy it on an instance of the family {target.replace('_', '.', 1)}, "
            f"or compile it for {targets.family_of(variant.instance_type)}."
        )


def _target(model: Path) -> str | None:
    """What the artifact was compiled for; None if it does not say: its instance refuses it, in its own words.

    The runtime's reader checks more, and would bring numpy into the server.
    """
    try:
        target = json.loads((model / "manifest.json").read_bytes())["target"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return target if isinstance(target, str) else None


def _log(platform: Platform, endpoint: Resource, variant: Variant) -> Callable[[str], None]:
    group = endpoints.log_group(endpoint)

    def log(line: str) -> None:
        now = int(time.time() * 1000)
        platform.logs.append(endpoint.region, group, f"{variant.name}/{STREAM}", [(now, line)])

    return log


def _check(platform: Platform, endpoint: Resource) -> Callable[[], None]:
    def check() -> None:
        if platform.resources.status(endpoint.id) in (None, "Deleting", "Failed"):
            raise CalledOffError(f"The endpoint {endpoint.name} is no longer wanted.")

    return check
