"""Every option of CompilerOptions is honoured, or refused by its name."""

from __future__ import annotations

import json

import pytest

from ironworks.compiler.compiler_options import RequestedOptions, parse_compiler_options
from ironworks.compiler.targets import find_target
from ironworks.compiler.tolerance import TOLERANCES
from ironworks.errors import ClientError

C5, C4 = find_target("ml_c5"), find_target("ml_c4")


def parse(text, target=C5):
    return parse_compiler_options(text if isinstance(text, str) else json.dumps(text), target)


def test_without_options_everything_is_as_it_is_by_default():
    assert parse_compiler_options(None, C5) == parse({}) == RequestedOptions()


def test_precision_tolerance_and_data_are_honoured():
    requested = parse(
        {
            "precision": "int8",
            "tolerance": {"int8": 0.3},
            "validation": "s3://b/v.npz",
            "calibration": "s3://b/c.npz",
        }
    )
    assert (requested.precision, requested.validation, requested.calibration) == (
        "int8",
        "s3://b/v.npz",
        "s3://b/c.npz",
    )
    assert requested.tolerances == {**TOLERANCES, "int8": 0.3}
    assert parse({"tolerance": 1e-6}).tolerances["float32"] == 1e-6


@pytest.mark.parametrize("text", ["{'dtype' : 'float32'}", '{"DTYPE": "float"}'])
def test_aws_own_spelling_is_read(text):
    assert parse(text).input_dtype == "float32"


def test_the_dtype_of_the_inputs_may_be_whole_numbers():
    assert parse({"dtype": "long"}).input_dtype == parse({"dtype": "int64"}).input_dtype == "int64"


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("ml_c5", {"mcpu": "skylake-avx512"}),
        ("ml_c4", {"mcpu": "haswell"}),
        ("LINUX_X86_64", {"mcpu": "nehalem", "mattr": ["+sse4.2", "+avx2", "+avx512f"]}),
        ("ml_c4", {"mattr": "+avx2,+fma"}),
        ("rasp3b", {"mattr": ["+neon", "+vfpv4"]}),
        ("ml_c6g", {"mattr": ["+neon"]}),
    ],
)
def test_processors_that_the_code_is_for_anyway_are_honoured(target, options):
    assert parse(options, find_target(target)) == RequestedOptions()


@pytest.mark.parametrize(
    ("target", "options", "problem"),
    [
        (
            "ml_c4",
            {"mcpu": "skylake-avx512"},
            "mcpu 'skylake-avx512', which is x86-64-v4, and code for ml_c4 is for",
        ),
        ("ml_c5", {"mcpu": "m68k"}, "mcpu 'm68k', which is none of nehalem"),
        ("ml_c5", {"mcpu": ["haswell"]}, "which is none of nehalem"),
        (
            "rasp4b",
            {"mcpu": "cortex-a72"},
            "mcpu 'cortex-a72'. Code for rasp4b is for every armv8-a processor",
        ),
        ("ml_c4", {"mattr": ["+avx512f"]}, r"mattr '\+avx512f'. Code for ml_c4 uses \+sse3"),
        ("ml_c5", {"mattr": ["-avx2"]}, "mattr '-avx2'"),
        ("ml_c5", {"mattr": 3}, "mattr 3"),
        ("rasp4b", {"mattr": ["+vfpv4"]}, r"mattr '\+vfpv4'. Code for rasp4b uses \+neon, \+fp-armv8"),
        ("ml_c5", {"gpu-code": "sm_72"}, "gpu-code, which is for NVIDIA's GPUs"),
        ("ml_c5", {"trt-ver": "6.0.1"}, "trt-ver, which is for NVIDIA's GPUs"),
        ("ml_c5", {"cuda-ver": "10.1"}, "cuda-ver, which is for NVIDIA's GPUs"),
        ("ml_c5", {"ANDROID_PLATFORM": 28}, "ANDROID_PLATFORM, which is for Android"),
        ("ml_c5", {"class_labels": "labels.txt"}, "class_labels, which is for Core ML"),
        (
            "ml_c5",
            {"opt_level": 3},
            "opt_level, which Ironworks does not know. It honours precision, tolerance",
        ),
        ("ml_c5", {"dtype": "float32", "DTYPE": "float32"}, "names DTYPE twice"),
        (
            "ml_c5",
            {"dtype": "bfloat16"},
            "dtype 'bfloat16'. It is the type of the model's inputs, .* use precision",
        ),
        ("ml_c5", {"dtype": ["float32"]}, r"dtype \['float32'\]"),
        (
            "ml_c5",
            {"precision": "fp16"},
            "precision 'fp16'. Ask for one of auto, f32, bf16, int8, int8-weights",
        ),
        ("ml_c5", {"precision": ["int8"]}, r"precision \['int8'\]"),
        ("ml_c5", {"tolerance": True}, "tolerance True. Give a number"),
        ("ml_c5", {"tolerance": [1]}, r"tolerance \[1\]"),
        ("ml_c5", {"tolerance": 1}, "cannot be turned off"),
        ("ml_c5", {"validation": "v.npz"}, "validation 'v.npz'. Give the S3 URI"),
        ("ml_c5", {"calibration": 3}, "calibration 3. Give the S3 URI"),
        ("ml_c5", "--verbose 1 --num-neuroncores 2 -O2", "options of the Neuron compiler"),
        ("ml_c5", '"--verbose 1 --num-neuroncores 2 -O2"', "options of the Neuron compiler"),
        ("ml_c5", "[1, 2]", "is no JSON object"),
        ("ml_c5", "precision=int8", "is no JSON object"),
        ("ml_c5", "[" * 1000, "is no JSON object"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(target, options, problem):
    with pytest.raises(ClientError, match=problem):
        parse(options, find_target(target))


def test_batch_sizes_threads_and_tuning_are_honoured():
    requested = parse({"batch_sizes": [8, 1], "threads": 2, "tune": 1.5})
    assert (requested.batch_sizes, requested.threads, requested.tune_seconds) == ((1, 8), 2, 1.5)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"batch_sizes": 8}, "batch_sizes 8. Give a list"),
        ({"batch_sizes": []}, "batch_sizes .*Give a list"),
        ({"batch_sizes": [0]}, "batch size 0 is no number of rows"),
        ({"threads": 0}, "threads 0. Give how many"),
        ({"threads": True}, "threads True"),
        ({"tune": -1}, "tune -1. Give the seconds"),
        ({"tune": "long"}, "tune 'long'"),
    ],
)
def test_numbers_that_are_none_are_refused_by_name(options, problem):
    with pytest.raises(ClientError, match=problem):
        parse(options)
