"""MXNet's operators in terms of ONNX's: one function an operator, by MXNet's name of it.

The meaning of each operator and attribute is that of MXNet 1.9.1's `src/operator/`; the tests compare each
with MXNet itself. Each module imported here enters its operators into the table.
"""

import ironworks.compiler.frontends.mxnet.operators.attention
import ironworks.compiler.frontends.mxnet.operators.boxes
import ironworks.compiler.frontends.mxnet.operators.constants
import ironworks.compiler.frontends.mxnet.operators.convolution
import ironworks.compiler.frontends.mxnet.operators.deformable
import ironworks.compiler.frontends.mxnet.operators.elementwise
import ironworks.compiler.frontends.mxnet.operators.indexing
import ironworks.compiler.frontends.mxnet.operators.layers
import ironworks.compiler.frontends.mxnet.operators.multibox
import ironworks.compiler.frontends.mxnet.operators.normalization
import ironworks.compiler.frontends.mxnet.operators.ordering
import ironworks.compiler.frontends.mxnet.operators.outputs
import ironworks.compiler.frontends.mxnet.operators.recurrent
import ironworks.compiler.frontends.mxnet.operators.reductions
import ironworks.compiler.frontends.mxnet.operators.regions
import ironworks.compiler.frontends.mxnet.operators.resizing
import ironworks.compiler.frontends.mxnet.operators.sequences
import ironworks.compiler.frontends.mxnet.operators.shapes
import ironworks.compiler.frontends.mxnet.operators.slicing
import ironworks.compiler.frontends.mxnet.operators.softmax
import ironworks.compiler.frontends.mxnet.operators.suppression  # noqa: F401
from ironworks.compiler.frontends.mxnet.operators.table import OPERATORS, Operator

__all__ = ["OPERATORS", "Operator"]
