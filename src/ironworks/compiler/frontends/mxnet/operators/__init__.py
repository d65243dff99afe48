"""MXNet's operators in terms of ONNX's: one function an operator, by MXNet's name of it.

The meaning of each operator and attribute is that of MXNet 1.9.1's `src/operator/`; the tests compare each
with MXNet itself. Each module imported here enters its operators into the table.
"""

import ironworks.compiler.frontends.mxnet.operators.convolution
import ironworks.compiler.frontends.mxnet.operators.elementwise
import ironworks.compiler.frontends.mxnet.operators.indexing
import ironworks.compiler.frontends.mxnet.operators.layers
import ironworks.compiler.frontends.mxnet.operators.normalization
import ironworks.compiler.frontends.mxnet.operators.outputs
import ironworks.compiler.frontends.mxnet.operators.reductions
import ironworks.compiler.frontends.mxnet.operators.shapes  # noqa: F401
from ironworks.compiler.frontends.mxnet.operators.table import OPERATORS, Operator

__all__ = ["OPERATORS", "Operator"]
