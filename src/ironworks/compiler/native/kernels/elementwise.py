"""A chain of element-wise steps over a whole tensor."""

from __future__ import annotations

from ironworks.compiler.native import ir
from ironworks.compiler.native.ir import Buffer, Kernel, Load, Store
from ironworks.compiler.native.kernels.epilogue import Epilogue
from ironworks.compiler.native.layout import Layout, Position

X, Y = Buffer("x"), Buffer("y")


def elementwise_kernel(
    source: Layout, result: Layout, epilogue: Epilogue[Layout], lanes: int, parallel: bool = False
) -> Kernel:
    """`y = steps(x)`; the parameters are x, y and the epilogue's operands."""
    n, y, x, c = (ir.variable(name) for name in ("n", "y0", "x0", "c"))
    value = epilogue.apply(Load(X, source.at(n, y, x) + c, lanes), Position(n, y, x, c), lanes)
    body = ir.loop("c", result.stored, [Store(Y, result.at(n, y, x) + c, value, lanes)], step=lanes)
    for name, count in (("x0", result.width), ("y0", result.height)):
        body = ir.loop(name, count, body)
    return Kernel(
        "elementwise",
        (X, Y, *epilogue.parameters),
        tuple(ir.loop("n", result.images, body, parallel=parallel)),
    )
