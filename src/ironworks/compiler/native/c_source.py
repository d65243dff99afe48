"""Writes kernels and programs as C."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ironworks.compiler.native import ir

_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_VECTOR = {
    name: f"v{name}"
    for name in ("max", "min", "abs", "sqrt", "exp", "tanh", "sigmoid", "erf", "log", "floor")
}
_SINGLE = {
    "max": "smax",
    "min": "smin",
    "abs": "fabsf",
    "sqrt": "sqrtf",
    "exp": "expf",
    "tanh": "tanhf",
    "sigmoid": "ssigmoid",
    "erf": "erff",
    "log": "logf",
    "floor": "floorf",
}
C_TYPES = {"float32": "float", "int32": "int32_t", "int64": "int64_t"}
SLACK = 16
"""Elements that `find_nonzero` may write beyond what it finds."""


def kernel_source(kernel: ir.Kernel, name: str) -> str:
    """The C function of `kernel`, called `name`; its first parameter is the team of threads."""
    return _Writer(kernel, name).source()


def _declaration(buffer: ir.Buffer, constant: bool) -> str:
    return f"{'const ' if constant else ''}{C_TYPES[buffer.dtype]} *restrict {buffer.name}"


class _Writer:
    def __init__(self, kernel: ir.Kernel, name: str) -> None:
        self._kernel = kernel
        self._name = name
        self._lanes: dict[str, int] = {}
        self._lines: list[str] = []
        self._depth = 1

    def source(self) -> str:
        kernel = self._kernel
        written = {s.buffer.name for s in ir.statements(kernel.body) if isinstance(s, ir.Store)}
        parameters = [_declaration(item, item.name not in written) for item in kernel.parameters]
        if kernel.parallel:
            return self._parallel(kernel.body[0], parameters)
        self._block(kernel.body)
        return self._function(
            f"static void {self._name}({', '.join(['ironworks_team *team', *parameters])})",
            ["(void)team;", *self._lines],
        )

    def _parallel(self, outer: ir.Statement, parameters: Sequence[str]) -> str:
        assert isinstance(outer, ir.For)
        name = self._name
        fields = "".join(f"  {item.replace('restrict ', '')};\n" for item in parameters)
        self._block(outer.body)
        unpacked = [
            f"{item} = (({name}_arguments *)raw)->{buffer.name};"
            for item, buffer in zip(parameters, self._kernel.parameters, strict=True)
        ]
        task = self._function(
            f"static void {name}_task(void *raw, long index, int thread)",
            ["(void)thread;", *unpacked, f"long {outer.variable} = index * {outer.step};", *self._lines],
        )
        names = ", ".join(buffer.name for buffer in self._kernel.parameters)
        count = -(-outer.count.constant // outer.step)
        call = self._function(
            f"static void {name}({', '.join(['ironworks_team *team', *parameters])})",
            [
                f"{name}_arguments arguments = {{{names}}};",
                f"ironworks_parallel(team, {name}_task, &arguments, {count});",
            ],
        )
        return f"typedef struct {{\n{fields}}} {name}_arguments;\n{task}{call}"

    @staticmethod
    def _function(head: str, lines: Sequence[str]) -> str:
        return f"{head} {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"

    def _line(self, text: str) -> None:
        self._lines.append("  " * (self._depth - 1) + text)

    def _block(self, body: Sequence[ir.Statement]) -> None:
        for statement in body:
            self._statement(statement)

    def _nested(self, head: str, body: Sequence[ir.Statement]) -> None:
        self._line(f"{head} {{".strip())
        self._depth += 1
        self._block(body)
        self._depth -= 1
        self._line("}")

    def _statement(self, statement: ir.Statement) -> None:
        match statement:
            case ir.Let(name, value, lanes):
                self._lanes[name] = lanes
                kind = "float" if lanes == 1 else "vec"
                self._line(f"{kind} {name} = {self._as(value, lanes)};")
            case ir.Set(name, value):
                self._line(f"{name} = {self._as(value, self._lanes[name])};")
            case ir.Store(buffer, index, value, 1, _):
                self._line(f"{buffer.name}[{_index(index)}] = {self._value(value)};")
            case ir.Store(buffer, index, value, lanes, count):
                place, vector = f"{buffer.name} + {_index(index)}", self._as(value, lanes)
                self._line(
                    f"vstore_first({place}, {vector}, {count});" if count else f"vstore({place}, {vector});"
                )
            case ir.Scratch(buffer, elements):
                self._line(f"{C_TYPES[buffer.dtype]} {buffer.name}[{elements + SLACK}];")
            case ir.FindNonzero(source, index, count, positions, length):
                self._line(
                    f"long {length} = find_nonzero({source.name} + {_index(index)}, {count}, {positions.name});"
                )
            case ir.LoadIndex(name, buffer, index, size):
                element = f"{buffer.name}[{_index(index)}]"
                self._line(f"long {name} = {f'row_of({element}, {size})' if size else element};")
            case ir.Limit(name, index, most):
                self._line(f"long {name} = {_index(index)} < {most} ? {_index(index)} : {most};")
            case ir.For() | ir.Block() | ir.Below():
                self._compound(statement)

    def _compound(self, statement: ir.For | ir.Block | ir.Below) -> None:
        match statement:
            case ir.For(variable, count, body, step, unroll):
                if unroll > 1:
                    self._line(f"#pragma GCC unroll {unroll}")
                head = f"for (long {variable} = 0; {variable} < {_index(count)}; {variable} += {step})"
                self._nested(head, body)
            case ir.Block(body):
                self._nested("", body)
            case ir.Below(variable, limit, then, otherwise):
                self._nested(f"if ({variable} < {limit})", then)
                self._nested("else", otherwise)

    def _is_vector(self, value: ir.Value) -> bool:
        match value:
            case ir.Local(name):
                return self._lanes[name] > 1
            case ir.Load(_, _, lanes, _):
                return lanes > 1
            case ir.Splat():
                return True
            case ir.Apply(_, arguments):
                return any(self._is_vector(item) for item in arguments)
        return False

    def _as(self, value: ir.Value, lanes: int) -> str:
        text = self._value(value)
        return f"vsplat({text})" if lanes > 1 and not self._is_vector(value) else text

    def _value(self, value: ir.Value) -> str:
        match value:
            case ir.Number(number):
                return _number(number)
            case ir.Local(name):
                return name
            case ir.Load(buffer, index, 1, _):
                return f"{buffer.name}[{_index(index)}]"
            case ir.Load(buffer, index, _, count):
                place = f"{buffer.name} + {_index(index)}"
                return f"vload_first({place}, {count})" if count else f"vload({place})"
            case ir.Splat(inner, _):
                return f"vsplat({self._value(inner)})"
            case ir.Across(operation, inner, lanes):
                return f"across_{operation}({self._value(inner)}, {lanes})"
            case ir.Apply(operation, arguments):
                return self._apply(operation, arguments)

    def _apply(self, operation: str, arguments: Sequence[ir.Value]) -> str:
        if operation == "neg":
            return f"(-{self._value(arguments[0])})"
        if operation in _OPERATORS:
            return f"({self._value(arguments[0])} {_OPERATORS[operation]} {self._value(arguments[1])})"
        lanes = 2 if any(self._is_vector(item) for item in arguments) else 1
        name = (_VECTOR if lanes > 1 else _SINGLE)[operation]
        return f"{name}({', '.join(self._as(item, lanes) for item in arguments)})"


def _index(index: ir.Index) -> str:
    parts = [name if factor == 1 else f"{name} * {factor}" for name, factor in index.terms]
    if index.constant or not parts:
        parts.append(str(index.constant))
    return parts[0] if len(parts) == 1 and "*" not in parts[0] else f"({' + '.join(parts)})"


def _number(value: float) -> str:
    rounded = float(np.float32(value))
    if rounded != rounded:
        return "NAN"
    if rounded in (float("inf"), float("-inf")):
        return "INFINITY" if rounded > 0 else "(-INFINITY)"
    return f"{rounded!r}f" if rounded >= 0 else f"({rounded!r}f)"
