"""The runtime on a machine that has Python and numpy, and nothing else of Ironworks or of PyPI."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from tests.compiler.native.networks import compiled, graph

import ironworks

PACKAGE = Path(ironworks.__file__).parent
SCRIPT = """
import json, sys
import numpy as np
from ironworks.runtime import load
from ironworks.runtime.dlr import DLRModel
answers = [model.run(np.float32([[1, -2, 3]]))[0].tolist() for model in (load(sys.argv[1]), DLRModel(sys.argv[1]))]
print(json.dumps({"answers": answers, "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    """The artifact of y = max(0, x)."""
    folder = tmp_path_factory.mktemp("relu")
    model = compiled(graph([("Relu", ["x"], "y", {})], {"x": [1, 3]}), folder)
    document = json.loads(model.manifest.to_json())
    checksum = hashlib.sha256((folder / "model.so").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(document | {"files": {"model.so": checksum}}))
    path = folder.with_name("relu.tar.gz")
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, "")
    return path


@pytest.fixture(params=["extension", "ctypes"])
def machine(request, tmp_path):
    """A folder with the runtime and numpy: what `sys.path` has besides the standard library."""
    (tmp_path / "ironworks").mkdir()
    shutil.copy(PACKAGE / "__init__.py", tmp_path / "ironworks")
    built = list((PACKAGE / "runtime").glob("_native.*.so"))
    if request.param == "extension" and not built:
        pytest.skip("the extension was not built")
    leave = shutil.ignore_patterns("__pycache__", *(["*.so"] if request.param == "ctypes" else []))
    shutil.copytree(PACKAGE / "runtime", tmp_path / "ironworks" / "runtime", ignore=leave)
    for name in ("numpy", "numpy.libs"):
        found = Path(np.__file__).parents[1] / name
        if found.is_dir():
            (tmp_path / name).symlink_to(found)
    return tmp_path


def test_a_model_loads_and_runs_with_numpy_and_the_standard_library(machine, artifact, tmp_path):
    command = [sys.executable, "-S", "-E", "-c", f"import sys; sys.path.insert(0, {str(machine)!r}){SCRIPT}"]
    done = subprocess.run([*command, str(artifact)], cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["answers"] == [[[1, 0, 3]]] * 2
    modules = {name.partition(".")[0] for name in told["modules"] if "cython" not in name} - {"__main__"}
    assert modules - sys.stdlib_module_names == {"ironworks", "numpy"}
    rooms = {name.split(".")[1] for name in told["modules"] if name.startswith("ironworks.")}
    assert rooms == {"runtime"}


def test_the_runtime_is_less_than_two_megabytes(machine):
    sizes = [path.stat().st_size for path in (machine / "ironworks").rglob("*") if path.is_file()]
    assert sum(sizes) < 2e6
