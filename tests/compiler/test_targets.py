from __future__ import annotations

import botocore.session
import pytest

from ironworks.compiler.targets import TARGETS, family_of, find_platform, find_target, runs_on
from ironworks.errors import ClientError

SHAPES = botocore.session.get_session().get_service_model("sagemaker")


@pytest.mark.parametrize("name", SHAPES.shape_for("TargetDevice").enum)
def test_every_target_of_aws_is_built_or_refused_with_what_is_missing(name):
    if name in TARGETS:
        assert find_target(name).architecture in ("x86_64", "aarch64", "armv7l")
        assert TARGETS[name].note
    else:
        with pytest.raises(
            ClientError,
            match=rf"cannot compile for {name} yet: it needs .*Compile for one of ml_m4, ml_c4, ml_m5, ml_c5",
        ):
            find_target(name)


def test_an_unknown_target_is_refused():
    with pytest.raises(ClientError, match="There is no target 'ml_zx'"):
        find_target("ml_zx")


@pytest.mark.parametrize(
    ("instance", "family"),
    [("ml.c5.4xlarge", "ml_c5"), ("ml.c5d.large", "ml_c5"), ("ml.m5.xlarge", "ml_m5"), ("ml.m4.xlarge", "ml_m4"),
     ("ml.g4dn.xlarge", "ml_g4dn"), ("ml.t2.medium", "ml_t2"), ("local", None), ("ml.c5", None)],
)  # fmt: skip
def test_an_instance_type_belongs_to_the_target_of_its_family(instance, family):
    assert family_of(instance) == family


PLATFORMS = {"X86_64": "x86_64", "ARM64": "aarch64", "ARM_EABIHF": "armv7l"}


@pytest.mark.parametrize("arch", PLATFORMS)
def test_linux_is_a_target_on_each_architecture(arch):
    target = find_platform("LINUX", arch, None)
    assert target == TARGETS[f"LINUX_{arch}"]
    assert target.architecture == PLATFORMS[arch]


@pytest.mark.parametrize("os", SHAPES.shape_for("TargetPlatformOs").enum)
@pytest.mark.parametrize("arch", SHAPES.shape_for("TargetPlatformArch").enum)
def test_other_platforms_are_refused_by_name(os, arch):
    if os != "LINUX" or arch not in PLATFORMS:
        with pytest.raises(ClientError, match=f"The target platform {os} {arch} needs"):
            find_platform(os, arch, None)


@pytest.mark.parametrize("accelerator", SHAPES.shape_for("TargetPlatformAccelerator").enum)
def test_accelerators_are_refused_by_name(accelerator):
    with pytest.raises(ClientError, match=f"accelerator {accelerator} needs"):
        find_platform("LINUX", "X86_64", accelerator)


def test_a_family_runs_on_its_instances_and_a_platform_on_those_of_its_architecture() -> None:
    assert runs_on("ml_c5", "ml.c5.4xlarge")
    assert not runs_on("ml_c5", "ml.m5.large")
    assert runs_on("LINUX_X86_64", "ml.m5.large")
    assert not runs_on("LINUX_X86_64", "ml.c6g.large")
    assert runs_on("LINUX_ARM64", "ml.c6g.large")
    assert runs_on("ml_c6g", "ml.c6g.large")
    assert not runs_on("LINUX_ARM64", "ml.c5.large")
    assert not runs_on("LINUX_ARM_EABIHF", "ml.c6g.large")
    assert not runs_on("an_older_target", "ml.c5.large")
    assert not runs_on("ml_c5", "local")
