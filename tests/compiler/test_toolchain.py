"""Finding a C compiler, and what is said when there is none or it fails."""

from __future__ import annotations

import pytest

from ironworks.compiler import compile_model, toolchain
from ironworks.compiler.targets import find_target
from ironworks.compiler.toolchain import NoCompiler, Source, build_library, find_compiler, levels_of
from ironworks.errors import PlatformError


def test_levels_are_those_of_the_target_best_first():
    assert [level.name for level in levels_of(find_target("ml_c5"))] == ["x86-64-v4", "x86-64-v3"]


def test_without_a_compiler_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(toolchain.shutil, "which", lambda _: None)
    with pytest.raises(NoCompiler, match="no C compiler for x86_64; install gcc or clang"):
        find_compiler("x86_64")


def test_without_a_compiler_another_backend_takes_the_model(monkeypatch, mlp, tmp_path):
    monkeypatch.setattr(toolchain.shutil, "which", lambda _: None)
    report = compile_model(
        mlp,
        framework="MXNET",
        input_shapes={"data": [1, 784]},
        target="ml_c5",
        output=tmp_path / "out.tar.gz",
        name="model",
    )
    assert report.chosen.startswith("onnxruntime")
    assert "install gcc or clang" in report.skipped["native"]


def test_the_users_own_compiler_comes_first(monkeypatch, tmp_path):
    own = tmp_path / "own-cc"
    own.write_text("#!/bin/sh\necho own 1.0\n")
    own.chmod(0o755)
    monkeypatch.setenv("CC", f"{own} -g")
    compiler = find_compiler("x86_64")
    assert (compiler.command, compiler.version) == ((str(own), "-g"), "own 1.0")


def test_what_the_compiler_says_is_repeated(tmp_path):
    try:
        compiler = find_compiler("x86_64")
    except NoCompiler as reason:
        pytest.skip(str(reason))
    with pytest.raises(PlatformError, match="refuses generated code: .*wrong.c"):
        build_library(compiler, [Source("wrong.c", "int f( {")], [], b"", tmp_path / "model.so")
    assert not (tmp_path / "model.so").exists()
