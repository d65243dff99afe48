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
        instruction_sets: the levels that code for this target may use, lowest first.
        threads: how many threads one inference uses.
        note: what the processor is, and what of the device is not used.
    """

    name: str
    architecture: str
    instruction_sets: tuple[str, ...]
    threads: int = 1
    note: str = ""


_ARM64, _ARMV7 = ("armv8-a",), ("armv7-a",)
_ROWS = (
    # m4 and c4 are Haswell and Broadwell (AVX2); m5 and c5 are Skylake and later (AVX-512).
    Target("ml_m4", "x86_64", ("x86-64-v3",), note="EC2 m4"),
    Target("ml_c4", "x86_64", ("x86-64-v3",), note="EC2 c4"),
    Target("ml_m5", "x86_64", ("x86-64-v3", "x86-64-v4"), note="EC2 m5, m5d"),
    Target("ml_c5", "x86_64", ("x86-64-v3", "x86-64-v4"), note="EC2 c5, c5d"),
    Target("deeplens", "x86_64", ("x86-64-v2",), note="AWS DeepLens: the Atom's cores, not its GPU"),
    Target("LINUX_X86_64", "x86_64", ("x86-64-v2", "x86-64-v3", "x86-64-v4"), note="any Linux"),
    Target("ml_m6g", "aarch64", _ARM64, note="EC2 m6g: Graviton 2"),
    Target("ml_c6g", "aarch64", _ARM64, note="EC2 c6g: Graviton 2"),
    Target("ml_c7g", "aarch64", _ARM64, note="EC2 c7g: Graviton 3; a name of ours, AWS has none"),
    Target("rasp4b", "aarch64", _ARM64, note="Raspberry Pi 4 with a 64-bit system"),
    Target("rk3399", "aarch64", _ARM64, note="Rockchip RK3399: its cores, not its GPU"),
    Target("aisage", "aarch64", _ARM64, note="Acer aiSage: its cores, not its GPU"),
    Target("imx8qm", "aarch64", _ARM64, note="NXP i.MX 8QuadMax: its cores, not its GPU"),
    Target("imx8mplus", "aarch64", _ARM64, note="NXP i.MX 8M Plus: its cores, not its NPU"),
    Target("jetson_tx1", "aarch64", _ARM64, note="NVIDIA Jetson TX1: its cores, not its GPU"),
    Target("jetson_tx2", "aarch64", _ARM64, note="NVIDIA Jetson TX2: its cores, not its GPU"),
    Target("jetson_nano", "aarch64", _ARM64, note="NVIDIA Jetson Nano: its cores, not its GPU"),
    Target("jetson_xavier", "aarch64", _ARM64, note="NVIDIA Jetson Xavier: its cores, not its GPU"),
    Target("LINUX_ARM64", "aarch64", _ARM64, note="any Linux"),
    Target("rasp3b", "armv7l", _ARMV7, note="Raspberry Pi 3 with a 32-bit system"),
    Target("rk3288", "armv7l", _ARMV7, note="Rockchip RK3288: its cores, not its GPU"),
    Target("sitara_am57x", "armv7l", _ARMV7, note="TI Sitara AM57x: its cores, not its accelerators"),
    Target("LINUX_ARM_EABIHF", "armv7l", _ARMV7, note="any Linux with hardware floating point and Neon"),
)
TARGETS = {row.name: row for row in _ROWS}

MISSING = {
    "a GPU backend; ml_c5 compiles for the CPU of such an instance": ("ml_p2", "ml_p3", "ml_g4dn"),
    "a backend for AWS Inferentia and Trainium": ("ml_inf1", "ml_inf2", "ml_trn1"),
    "a backend for Elastic Inference, which AWS has ended; ml_c5 compiles for the CPU": ("ml_eia2",),
    "a packaging for AWS Lambda; LINUX_X86_64 compiles what a function can load": ("lambda",),
    "a backend for the board's accelerator; LINUX_ARM64 compiles for its cores": (
        *("sbe_c", "amba_cv2", "amba_cv22", "amba_cv25", "jacinto_tda4vm"),
    ),
    "a toolchain for Android": ("qcs605", "qcs603"),
    "a Windows cross compiler": ("x86_win32", "x86_win64"),
    "a Core ML converter": ("coreml",),
}
"""What the other targets of AWS need, and what to compile for meanwhile."""

_LACKING = {name: what for what, names in MISSING.items() for name in names}
_PLATFORMS = {("LINUX", "X86_64"), ("LINUX", "ARM64"), ("LINUX", "ARM_EABIHF")}
_INSTANCE_TYPE = re.compile(r"ml\.([a-z0-9-]+)\.[a-z0-9-]+")


def find_target(name: str) -> Target:
    """The target with AWS's name `name`.

    Raises:
        ClientError: it is unknown, or not built yet; the message has what is missing.
    """
    if name in TARGETS:
        return TARGETS[name]
    if name in _LACKING:
        raise ClientError(f"Ironworks cannot compile for {name} yet: it needs {_LACKING[name]}. {_remedy()}")
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
    if (os, arch) not in _PLATFORMS:
        raise ClientError(
            f"The target platform {os} {arch} needs a toolchain that Ironworks does not have yet. Use Os LINUX with "
            "Arch X86_64, ARM64 or ARM_EABIHF."
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
    """Whether a model compiled for `target` may be deployed on `instance_type`.

    A platform's models run on every family of its architecture.
    """
    family = family_of(instance_type)
    if family not in TARGETS or target not in TARGETS:
        return False
    plain = target.startswith("LINUX_") and TARGETS[target].architecture == TARGETS[family].architecture
    return target == family or plain


def _remedy() -> str:
    return f"Compile for one of {', '.join(TARGETS)}."
