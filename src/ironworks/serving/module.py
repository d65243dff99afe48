"""Loads the user's module: the hosting script in the `code` folder of a model archive."""

from __future__ import annotations

import importlib.util
import logging
import sys
import traceback
from pathlib import Path
from types import ModuleType

from ironworks.serving.absent import AbsentFrameworks
from ironworks.serving.errors import StartupError

DEFAULT_PROGRAM = "inference.py"
"""What SageMaker's inference toolkit runs when SAGEMAKER_PROGRAM is not set."""

_log = logging.getLogger(__name__)


def load_module(model: Path, program: str | None, may_be_absent: frozenset[str]) -> ModuleType | None:
    """Import `program` from the folder `model/code`.

    Args:
        model: the unpacked model archive.
        program: the value of SAGEMAKER_PROGRAM, a file name relative to `code`. None: `inference.py` if there is one.
        may_be_absent: frameworks that the module may import although they are not installed.

    Returns:
        The module; None when no program is asked for and there is no `inference.py`.

    Raises:
        StartupError: there is no such file, or importing it failed.
    """
    code = model / "code"
    if program is None:
        if not (code / DEFAULT_PROGRAM).is_file():
            return None
        program = DEFAULT_PROGRAM
    path = _locate(code, program)
    sys.path.insert(0, str(code))
    if path.parent != code:
        sys.path.insert(0, str(path.parent))
    return _import(path, program, may_be_absent)


def _locate(code: Path, program: str) -> Path:
    path = code / program
    if path.is_file() and path.resolve().is_relative_to(code.resolve()):
        return path
    found = sorted(str(file.relative_to(code)) for file in code.rglob("*.py"))[:20]
    raise StartupError(
        f"SAGEMAKER_PROGRAM is {program!r}, and the model archive has no file code/{program}. Python files in its code "
        f"folder: {', '.join(found) or 'none'}. Put the script there, or set entry_point to one of them."
    )


def _import(path: Path, program: str, may_be_absent: frozenset[str]) -> ModuleType:
    """Import, and again with a stand-in for each framework whose absence ended the attempt.

    A framework is stood in for only after its import failed, so that the module's own `try: import … except
    ImportError:` sees the truth.
    """
    absent = AbsentFrameworks()
    absent.install()
    try:
        while True:
            try:
                module = _execute(path)
                break
            except ModuleNotFoundError as error:
                framework = (error.name or "").partition(".")[0]
                if framework not in may_be_absent or framework in absent.names or _installed(framework):
                    raise
                absent.names.add(framework)
    except BaseException as error:
        absent.remove()
        _log.error("Importing code/%s failed.\n%s", program, traceback.format_exc().rstrip())
        raise StartupError(_explanation(error, program, absent.names)) from error
    absent.loading = False
    if absent.names:
        _log.info(
            "%s is imported by code/%s and not installed here; only functions that do not use it will work.",
            ", ".join(sorted(absent.names)),
            program,
        )
    return module


def _execute(path: Path) -> ModuleType:
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StartupError(
            f"{path.name} is not a Python file: SAGEMAKER_PROGRAM must name one that ends in .py."
        )
    module = importlib.util.module_from_spec(spec)
    known = sys.modules.get(name)
    if known is None:  # a module of the library that has the same name keeps it
        sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if known is None:
            del sys.modules[name]
        raise
    return module


def _installed(framework: str) -> bool:
    return framework in sys.modules or importlib.util.find_spec(framework) is not None


def _explanation(error: BaseException, program: str, absent: set[str]) -> str:
    if isinstance(error, StartupError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return (
            f"code/{program} imports {error.name}, which is neither installed nor in the model archive. Name it in "
            f"requirements.txt beside {program}, or put it there: pip install --target code {error.name}"
        )
    message = f"Importing code/{program} failed: {type(error).__name__}: {error}."
    if absent:
        message += f" It uses {', '.join(sorted(absent))}, not installed here, while it is imported."
    return message
