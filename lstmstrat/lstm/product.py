"""The matrix product of the kernels, at the speed of a large one though it has four rows.

LLVM vectorises plain loops, but does not keep a tile of the result in registers by itself; `_tile` says so in the
language of LLVM. Plain loops reached 85 GFlop/s where this reaches 155 (benchmarks/README.md). The additions come
in the order of the plain loops, however wide the tile is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba.core import cgutils as _cgutils
from numba.core import types
from numba.extending import intrinsic

from lstmstrat.lstm.layout import LANES, UNITS, Single

cgutils: Any = _cgutils  # it has no types

# Columns of a tile: its sums fill a quarter to half of the registers.
WIDE = 32 if get_host_cpu_features().get("avx512f") else UNITS

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """`function` compiled by numba when it is first called, without the interpreter lock, and kept on disk."""
    # contract: a product and a sum become one instruction with one rounding. Sums are never reordered.
    settings: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
    try:
        made = numba.njit(cache=True, **settings)(function)
    except RuntimeError:  # no folder it may write to
        made = numba.njit(**settings)(function)
    return cast("Function", made)


def _tile(width: int) -> Callable[..., None]:
    """c[i : i + 4, j : j + width] += a[i : i + 4] @ b[:, j : j + width], the result kept in registers."""
    vector = ir.VectorType(ir.FloatType(), width)
    undefined = ir.Constant(vector, ir.Undefined)
    to_all = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, b, c = (context.make_array(signature.args[n])(context, builder, args[n]) for n in range(3))
        i, j = args[3:]

        def address(array: Any, row: Any, column: Any, kind: Any) -> Any:
            down, across = cgutils.unpack_tuple(builder, array.strides)
            offset = builder.add(builder.mul(row, down), builder.mul(column, across))
            start = builder.bitcast(array.data, ir.IntType(8).as_pointer())
            return builder.bitcast(builder.gep(start, [offset]), kind.as_pointer())

        rows = [builder.add(i, context.get_constant(types.intp, r)) for r in range(LANES)]
        targets = [address(c, row, j, vector) for row in rows]
        sums = [cgutils.alloca_once_value(builder, builder.load(target, align=4)) for target in targets]
        with cgutils.for_range(builder, cgutils.unpack_tuple(builder, a.shape)[1]) as loop:
            right = builder.load(address(b, loop.index, j, vector), align=4)
            for row, total in zip(rows, sums, strict=True):
                number = builder.load(address(a, row, loop.index, ir.FloatType()))
                first = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
                left = builder.shuffle_vector(first, undefined, to_all)
                product = builder.fmul(left, right, flags=("contract",))
                builder.store(builder.fadd(product, builder.load(total), flags=("contract",)), total)
        for target, total in zip(targets, sums, strict=True):
            builder.store(builder.load(total), target, align=4)
        return context.get_dummy_value()

    def tile(_: Any, a: Any, b: Any, c: Any, i: Any, j: Any) -> Any:
        return types.void(a, b, c, i, j), generate

    made: Callable[..., None] = intrinsic(tile)
    return made


_wide, _narrow = _tile(WIDE), _tile(UNITS)


@compiled
def add_product(a: Single, b: Single, c: Single) -> None:
    """c += a @ b; the rows of c are a multiple of 4, its columns of 16."""
    wide = c.shape[1] - c.shape[1] % WIDE
    for i in range(0, c.shape[0], LANES):
        for j in range(0, wide, WIDE):
            _wide(a, b, c, i, j)
        for j in range(wide, c.shape[1], UNITS):
            _narrow(a, b, c, i, j)
