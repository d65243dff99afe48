"""What a model can be compiled for: one row a target."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ironworks.errors import ClientError


@dataclass(frozen=True)
class Target:
    """A machine to compile for.

    Attributes:
        name: AWS's TargetDevice, or the system and architecture of its TargetPlatform.
        architecture: as `uname -m` says it.
        instruction_sets: the x86-64 levels that code for this target may use, lowest first.
        threads: how many threads one inference uses.
    """

    name: str
    architecture: str
    instruction_sets: tuple[str, ...]
    threads: int


_ROWS = (
    # m4 and c4 are Haswell and Broadwell (AVX2); m5 and c5 are Skylake and later (AVX-512).
    Target("ml_m4", "x86_64", ("x86-64-v3",), 1),
    Target("ml_c4", "x86_64", ("x86-64-v3",), 1),
    Target("ml_m5", "x86_64", ("x86-64-v3", "x86-64-v4"), 1),
    Target("ml_c5", "x86_64", ("x86-64-v3", "x86-64-v4"), 1),
    Target("LINUX_X86_64", "x86_64", ("x86-64-v2", "x86-64-v3", "x86-64-v4"), 1),
)
TARGETS = {row.name: row for row in _ROWS}

_MISSING = {
    "an Arm64 cross compiler": ("ml_m6g", "ml_c6g", "rasp4b", "rk3399", "imx8qm", "imx8mplus"),
    "an Armv7 cross compiler": ("rasp3b", "rk3288", "sitara_am57x", "aisage"),
    "a GPU backend": (
        "ml_p2",
        "ml_p3",
        "ml_g4dn",
        "jetson_tx1",
        "jetson_tx2",
        "jetson_nano",
        "jetson_xavier",
    ),
    "a backend for AWS Inferentia and Trainium": ("ml_inf1", "ml_inf2", "ml_trn1"),
    "a backend for Elastic Inference": ("ml_eia2",),
    "a packaging for AWS Lambda": ("lambda",),
    "a backend for the board's accelerator": (
        *("deeplens", "sbe_c", "qcs605", "qcs603", "amba_cv2", "amba_cv22", "amba_cv25", "jacinto_tda4vm"),
    ),
    "a Windows cross compiler": ("x86_win32", "x86_win64"),
    "a Core ML converter": ("coreml",),
}
_LACKING = {name: what for what, names in _MISSING.items() for name in names}
_INSTANCE_TYPE = re.compile(r"ml\.([a-z0-9-]+)\.[a-z0-9-]+")


def find_target(name: str) -> Target:
    """The target with AWS's name `name`.

    Raises:
        ClientError: it is unknown, or not built yet; the message has what is missing.
    """
    if name in TARGETS:
        return TARGETS[name]
    if name in _LACKING:
        raise ClientError(
            f"The target {name} needs {_LACKING[name]}, which Ironworks does not have yet. {_remedy()}"
        )
    raise ClientError(f"There is no target {name!r}. {_remedy()}")


def find_platform(os: str, arch: str, accelerator: str | None) -> Target:
    """The target for AWS's TargetPlatform.

    Raises:
        ClientError: the system, the architecture or the accelerator is not built yet.
    """
    if accelerator is not None:
        raise ClientError(
            f"The target platform's accelerator {accelerator} needs a backend that Ironworks does not have yet. "
            "Leave Accelerator out to compile for the CPU."
        )
    if (os, arch) != ("LINUX", "X86_64"):
        raise ClientError(
            f"The target platform {os} {arch} needs a cross compiler that Ironworks does not have yet. "
            "Use Os LINUX with Arch X86_64."
        )
    return TARGETS[f"{os}_{arch}"]


def family_of(instance_type: str) -> str | None:
    """The target whose models run on `instance_type`: `ml.c5.4xlarge` and `ml.c5d.large` → `ml_c5`.

    None if it is not the name of an instance type (`local`).
    """
    match = _INSTANCE_TYPE.fullmatch(instance_type)
    if match is None:
        return None
    family = match[1]
    without_disk = family.removesuffix("d")
    return f"ml_{without_disk if f'ml_{without_disk}' in TARGETS else family}"


def runs_on(target: str, instance_type: str) -> bool:
    """Whether a model compiled for `target` may be deployed on `instance_type`."""
    family = family_of(instance_type)
    return target == family or (target == "LINUX_X86_64" and family in TARGETS)


def _remedy() -> str:
    return f"Compile for one of {', '.join(TARGETS)}."
