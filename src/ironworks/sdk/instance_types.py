"""The names of instances that a request has to carry: all of them are processes of this machine."""

from __future__ import annotations

from ironworks.compiler.targets import find_target
from ironworks.errors import ClientError

LOCAL = "local"
DEFAULT = "ml.m5.large"
"""What `local` is called on the wire, which knows AWS's names alone."""

_SIZES = {"ml_m4": "xlarge"}
_OF_PLATFORM = {"LINUX_X86_64": "ml.c5.large", "LINUX_ARM64": "ml.c6g.large"}


def on_the_wire(instance_type: str) -> str:
    """AWS's name for an instance type; `local` has one as well."""
    return DEFAULT if instance_type == LOCAL else instance_type


def for_target(target: str | None) -> str:
    """An instance type that runs models compiled for `target`; None: of a model that is not compiled.

    Raises:
        ClientError: the target is a device that no endpoint runs on.
    """
    if target is None:
        return DEFAULT
    if target.startswith("ml_"):
        return f"{target.replace('_', '.', 1)}.{_SIZES.get(target, 'large')}"
    if target not in _OF_PLATFORM:
        raise ClientError(
            f"The model was compiled for {target}, which is no machine that endpoints run on. Copy it to the device, "
            "model.download('model.tar.gz'), and run it there with ironworks.load; or compile it for ml_c5."
        )
    return _OF_PLATFORM[target]


def output_of(target: str) -> dict[str, object]:
    """The members of a compilation's OutputConfig that name `target`.

    Raises:
        ClientError: there is no such target.
    """
    find_target(target)
    if not target.startswith("LINUX_"):
        return {"TargetDevice": target}
    system, _, architecture = target.partition("_")
    return {"TargetPlatform": {"Os": system, "Arch": architecture}}
