from __future__ import annotations

import subprocess
import sys
import tempfile

import numpy as np
import pytest

from ironworks.runtime import ArtifactError, engines, load


def test_a_folder_and_an_archive_load(adder, packed):
    folder = adder(single=True)
    for path in (folder, str(folder), packed(folder)):
        np.testing.assert_array_equal(load(path).run([[1, 2, 3, 4]])[0], [[2, 4, 6, 8]])


def test_nothing_unpacked_is_left_behind(adder, packed, monkeypatch, tmp_path):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    load(packed(adder(single=True)))
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"architecture": "vax"}, r"compiled for ml_c5 \(vax\) and this machine is"),
        (
            {"files": {"model.onnx": "0" * 64}},
            "model.onnx has SHA-256 .* changed or damaged after compilation",
        ),
        ({"files": {"other.bin": "0" * 64}}, "lacks its file other.bin"),
        ({"files": {"../outside": "0" * 64}}, "which is outside the artifact"),
        ({"files": {}}, "no checksum for model.onnx"),
        ({"engine": "abacus"}, "runs on the engine 'abacus'; this runtime has native, onnxruntime"),
        ({"options": {"optimization": "magic"}}, "optimization is 'magic'"),
        ({"version": 3}, "format version 3 and this runtime reads versions 1 and 2"),
        ({"files": {"\0": "0" * 64}}, "which is outside the artifact"),
        ({"files": {"\ud800": "0" * 64}}, "which is outside the artifact"),
        ({"inputs": []}, r"describes the inputs none, and the compiled model has a \[1, 4\] float32, b"),
        (
            {"outputs": [{"name": "x", "shape": [1, 4], "dtype": "float32"}]},
            r"the outputs x \[1, 4\] float32",
        ),
        ({"outputs": [{"name": "sum", "shape": [4], "dtype": "float32"}]}, r"the outputs sum \[4\] float32"),
        (
            {"outputs": [{"name": "sum", "shape": [1, 4], "dtype": "object"}]},
            r"the outputs sum \[1, 4\] object",
        ),
    ],
)
def test_an_artifact_that_cannot_be_used_says_why(adder, changes, reason):
    with pytest.raises(ArtifactError, match=reason):
        load(adder(**changes))


def test_a_manifest_nested_without_end_is_refused(adder):
    folder = adder()
    (folder / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(ArtifactError, match="manifest.json is not JSON"):
        load(folder)


def test_a_model_that_the_engine_refuses_is_an_artifact_error(adder):
    folder = adder()
    (folder / "model.onnx").write_bytes(b"nothing")
    import hashlib
    import json

    document = json.loads((folder / "manifest.json").read_text())
    document["files"]["model.onnx"] = hashlib.sha256(b"nothing").hexdigest()
    (folder / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match="cannot open the model"):
        load(folder)


def test_an_engine_that_is_not_installed_says_how_to_install_it(adder, monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name}")

    monkeypatch.setattr(engines, "import_module", missing)
    with pytest.raises(ArtifactError, match="pip install onnxruntime"):
        load(adder())


def test_a_folder_without_a_manifest_is_no_compiled_model(tmp_path):
    with pytest.raises(ArtifactError, match=r"holds no manifest.json, so it is not a compiled model"):
        load(tmp_path)


def test_a_path_without_a_file_is_no_compiled_model(tmp_path):
    with pytest.raises(ArtifactError, match="There is no compiled model at"):
        load(tmp_path / "none.tar.gz")


@pytest.mark.parametrize("data", [b"", b"not an archive", b"\x1f\x8b\x08\x00broken"])
def test_a_damaged_archive_is_no_compiled_model(tmp_path, data):
    (tmp_path / "model.tar.gz").write_bytes(data)
    with pytest.raises(ArtifactError, match="it is no readable archive"):
        load(tmp_path / "model.tar.gz")


def test_an_archive_cut_short_is_no_compiled_model(adder, packed):
    path = packed(adder())
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ArtifactError, match="it is no readable archive"):
        load(path)


def test_the_runtime_alone_imports_neither_an_engine_nor_another_room():
    script = (
        "import sys, ironworks.runtime; "
        "rooms = {name for name in sys.modules if name.startswith('ironworks.') and 'runtime' not in name}; "
        "sys.exit(str(rooms) if rooms or 'onnxruntime' in sys.modules else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
