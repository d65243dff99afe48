from __future__ import annotations

import logging
from pathlib import Path
from types import ModuleType

import pytest

from ironworks.serving.absent import FRAMEWORKS, AbsentFrameworkError
from ironworks.serving.errors import StartupError
from ironworks.serving.module import load_module

pytestmark = pytest.mark.usefixtures("clean_imports")


def load(folder: Path, source: str, name: str = "hosting_script.py") -> ModuleType:
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / name).write_text(source)
    module = load_module(folder, name, FRAMEWORKS)
    assert module is not None
    return module


def refusal(folder: Path, source: str) -> str:
    with pytest.raises(StartupError) as caught:
        load(folder, source)
    return str(caught.value)


def test_without_a_program_and_an_inference_py_there_is_no_module(tmp_path: Path) -> None:
    assert load_module(tmp_path, None, FRAMEWORKS) is None


def test_inference_py_is_the_default_program(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text("VALUE = 3")
    module = load_module(tmp_path, None, FRAMEWORKS)
    assert module is not None
    assert module.VALUE == 3


def test_a_missing_program_is_refused_with_the_files_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "other.py").touch()
    with pytest.raises(StartupError, match=r"code/mnist\.py.*other\.py"):
        load_module(tmp_path, "mnist.py", FRAMEWORKS)


def test_a_program_outside_the_code_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "outside.py").touch()
    with pytest.raises(StartupError, match="SAGEMAKER_PROGRAM"):
        load_module(tmp_path, "../outside.py", FRAMEWORKS)


def test_a_program_that_is_not_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "serve.sh").touch()
    with pytest.raises(StartupError, match=r"serve\.sh is not a Python file"):
        load_module(tmp_path, "serve.sh", FRAMEWORKS)


def test_modules_beside_the_program_are_imported(tmp_path: Path) -> None:
    (tmp_path / "code" / "deep").mkdir(parents=True)
    (tmp_path / "code" / "top_neighbour.py").write_text("VALUE = 1")
    (tmp_path / "code" / "deep" / "near_neighbour.py").write_text("VALUE = 2")
    source = "import top_neighbour, near_neighbour\nVALUE = top_neighbour.VALUE + near_neighbour.VALUE"
    assert load(tmp_path, source, "deep/hosting_script.py").VALUE == 3


def test_a_program_with_the_name_of_a_library_module_leaves_that_module_alone(tmp_path: Path) -> None:
    module = load(tmp_path, "VALUE = 4", "json.py")
    import json

    assert module.VALUE == 4
    assert json is not module


def test_a_module_with_everything_that_training_scripts_do_at_their_top_loads_without_its_framework(
    tmp_path: Path,
) -> None:
    module = load(
        tmp_path,
        """
from __future__ import annotations
import mxnet as mx
import mxnet.gluon.nn as nn
from mxnet import autograd, nd
from torch.utils.data import DataLoader
import torch
from typing import Optional

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CONTEXT = mx.gpu() if mx.context.num_gpus() else mx.cpu(0)
TABLE = mx.nd.zeros((2, 2))[0]
Optional[mx.nd.NDArray]

class Net(mx.gluon.Block, metaclass=type):
    def forward(self, x): return x

class Iterator(mx.io.DataIter, object):
    pass

@mx.operator.register("mine")
class Mine(mx.operator.CustomOpProp):
    pass

@torch.no_grad()
def plain(x): return x + 1

@torch.jit.script
def scripted(x): return x + 2

def annotated(x: torch.Tensor | None, y: None | mx.nd.NDArray) -> nd.NDArray: return x

def is_array(x): return isinstance(x, mx.nd.NDArray)
def build(): return Net()
def train(): return mx.mod.Module()
def index(): return mx.nd.zeros[0]
def loop(): return list(mx.nd.zeros)
def version(): return mx.__version__
""",
    )

    assert (module.plain(1), module.scripted(1), module.is_array(1)) == (2, 3, False)
    for use in (module.build, module.train, module.index):
        with pytest.raises(AbsentFrameworkError, match=r"mxnet is not installed .* numpy"):
            use()
    with pytest.raises(TypeError, match="not iterable"):
        module.loop()
    with pytest.raises(AttributeError, match="mxnet is not installed"):
        module.version()


def test_the_log_says_what_is_not_installed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        load(tmp_path, "import mxnet, gluoncv")
    assert "gluoncv, mxnet is imported by code/hosting_script.py and not installed here" in caplog.text


def test_a_guarded_import_sees_that_the_framework_is_absent(tmp_path: Path) -> None:
    module = load(tmp_path, "try:\n    import mxnet\nexcept ImportError:\n    mxnet = None\n")
    assert module.mxnet is None


def test_any_other_missing_module_is_refused_by_name_with_the_remedy(tmp_path: Path) -> None:
    message = refusal(tmp_path, "import mxnet, no_such_module_anywhere")
    assert "imports no_such_module_anywhere" in message
    assert "pip install --target code no_such_module_anywhere" in message


def test_a_missing_part_of_an_installed_framework_is_refused(tmp_path: Path) -> None:
    assert "imports onnx.no_such_part" in refusal(tmp_path, "import onnx.no_such_part")


def test_a_failure_at_import_is_refused_with_its_text_and_a_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert "ZeroDivisionError: division by zero" in refusal(tmp_path, "1 / 0")
    assert "line 1" in caplog.text


def test_a_failure_that_an_absent_framework_may_have_caused_names_it(tmp_path: Path) -> None:
    assert "uses mxnet, not installed here" in refusal(tmp_path, "import mxnet as mx\nmx.nd.zeros(1) + 1")


def test_a_script_that_exits_while_it_is_imported_is_refused(tmp_path: Path) -> None:
    assert "SystemExit: 3" in refusal(tmp_path, "import sys\nsys.exit(3)")


def test_a_framework_that_may_not_be_absent_is_not_stood_in_for(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "serve.py").write_text("import paddle")
    with pytest.raises(StartupError, match=r"imports paddle.*requirements\.txt"):
        load_module(tmp_path, "serve.py", frozenset())
