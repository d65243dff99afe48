"""The machine of a compilation."""

from __future__ import annotations

from pathlib import Path

import pytest

from ironworks.compiler.report import machine, this_machine, versions_of

X86 = """processor\t: 0
model name\t: A Processor (R) 3
flags\t\t: fpu sse4_2 avx avx2 fma

processor\t: 1
model name\t: Another
flags\t\t: avx512f
"""
ARM = "processor\t: 0\nFeatures\t: fp asimd asimddp\nCPU part\t: 0xd0c\n"


@pytest.mark.parametrize(
    ("text", "name", "sets"),
    [(X86, "A Processor (R) 3", ("sse4_2", "avx", "fma", "avx2")), (ARM, None, ("asimd", "asimddp"))],
)
def test_a_processor_is_named_with_its_instruction_sets(
    text: str, name: str | None, sets: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "cpuinfo")
    found = this_machine()
    assert found.instruction_sets == sets
    assert found.processor == name or (name is None and found.processor)
    assert found.cores >= 1 and found.system


def test_a_system_without_cpuinfo_is_described_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "none")
    assert this_machine().instruction_sets == () and this_machine().processor


def test_versions_are_those_of_the_builders_and_of_what_all_use() -> None:
    versions = versions_of([{"ironworks": "0.1.0", "compiler": "gcc 12"}, {"onnxruntime": "1.32"}])
    assert set(versions) == {"ironworks", "compiler", "onnxruntime", "python", "numpy", "onnx"}
