"""Loads a compiled model and runs it.

`load` reads the artifact that the compiler wrote (a folder or a `.tar.gz`) and answers a `CompiledModel`.
Nothing but numpy is imported until an artifact names an engine.
"""

from ironworks.runtime.artifact import load
from ironworks.runtime.manifest import ArtifactError, Manifest, Tensor
from ironworks.runtime.model import CompiledModel

__all__ = ["ArtifactError", "CompiledModel", "Manifest", "Tensor", "load"]
