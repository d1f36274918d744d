"""Eight float32 numbers at a time, for the loops of the kernels over hidden units.

LLVM turns a loop into vector instructions only where it can show that its arrays do not overlap, and then for many
more units than a small network has; all else becomes scalar code. The kernels therefore load, calculate and store
vectors themselves:

    c = load(i, j) * load(g, j) + load(f, j) * load(before, j)
    store(c, now, j)

The arithmetic takes vectors, and a float32 number beside a vector counts for all eight.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils as _cgutils
from numba.extending import intrinsic, models, overload, register_model

from lstmstrat.forecasting.models.lstm.layout import UNITS

cgutils: Any = _cgutils  # it has no types
_FLOATS = ir.VectorType(ir.FloatType(), UNITS)
_ZERO = ir.Constant(ir.IntType(32), 0)


class _Vector(types.Type):
    """The type of a vector, for numba."""

    def __init__(self) -> None:
        super().__init__(f"vector{UNITS}")


_vector = _Vector()


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    """How a vector is kept: in a register."""

    def __init__(self, manager: Any, kind: Any):
        super().__init__(manager, kind, _FLOATS)  # type: ignore[no-untyped-call]


def instruction(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which gives the types and the instructions of a call, for the kernels to call."""
    call: Callable[..., Any] = intrinsic(function)
    return call


def _pointer(context: Any, builder: Any, kind: Any, array: Any, first: Any) -> Any:
    start = builder.gep(context.make_array(kind)(context, builder, array).data, [first])
    return builder.bitcast(start, _FLOATS.as_pointer())


def _spread(builder: Any, number: Any) -> Any:
    undefined = ir.Constant(_FLOATS, ir.Undefined)
    first = builder.insert_element(undefined, number, _ZERO)
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), UNITS), [0] * UNITS))


@instruction
def load(_: Any, array: Any, first: Any) -> Any:
    """The numbers from `first` on of a contiguous array of one dimension."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(context, builder, signature.args[0], *args), align=4)

    return _vector(array, types.intp), generate


@instruction
def store(_: Any, vector: Any, array: Any, first: Any) -> Any:
    """Writes a vector to the numbers from `first` on of a contiguous array of one dimension."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[0], _pointer(context, builder, signature.args[1], *args[1:]), align=4)
        return context.get_dummy_value()

    return types.void(vector, array, types.intp), generate


@instruction
def spread(_: Any, number: Any) -> Any:
    """A vector of one number, eight times."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _spread(builder, args[0])

    return _vector(types.float32), generate


@instruction
def total(_: Any, vector: Any) -> Any:
    """The sum of the numbers of a vector, from the first to the last."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        numbers = [builder.extract_element(args[0], ir.Constant(ir.IntType(32), k)) for k in range(UNITS)]
        result = numbers[0]
        for number in numbers[1:]:
            result = builder.fadd(result, number)
        return result

    return types.float32(vector), generate


@instruction
def sqrt(_: Any, vector: Any) -> Any:
    """The square root of each number of a vector."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_FLOATS, [_FLOATS])
        root = cgutils.get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{UNITS}f32")
        return builder.call(root, args)

    return _vector(vector), generate


@instruction
def clamp(_: Any, vector: Any, limit: Any) -> Any:
    """`vector`, with -limit and +limit in place of what lies beyond; NaN stays NaN."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, high = args[0], _spread(builder, args[1])
        low = builder.fneg(high)
        x = builder.select(builder.fcmp_ordered("<", x, low), low, x)
        return builder.select(builder.fcmp_ordered(">", x, high), high, x)

    return _vector(vector, types.float32), generate


def _add_operator(symbol: Callable[[Any, Any], Any], operation: str) -> None:
    """Teaches numba `symbol` for two vectors, or a vector and a number."""

    @instruction
    def of_vectors(_: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return getattr(builder, operation)(*args, flags=("contract",))

        return _vector(a, b), generate

    @overload(symbol, strict=False)  # the arguments of a lambda have no types
    def choose(a: Any, b: Any) -> Callable[[Any, Any], Any] | None:
        if isinstance(a, _Vector) and isinstance(b, _Vector):
            return lambda a, b: of_vectors(a, b)
        if isinstance(a, _Vector) and b == types.float32:
            return lambda a, b: of_vectors(a, spread(b))
        if isinstance(b, _Vector) and a == types.float32:
            return lambda a, b: of_vectors(spread(a), b)
        return None


for _symbol, _operation in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _add_operator(_symbol, _operation)
