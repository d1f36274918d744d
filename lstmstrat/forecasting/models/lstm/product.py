"""The matrix product of the kernels. It has few rows, four or more, but the speed of a large product.

LLVM vectorises plain loops, but it does not keep a tile of the result in registers by itself; `_tile` therefore
emits LLVM instructions that do. Plain loops reach 85 GFlop/s, this product 155 (benchmarks/README.md). The
additions have the order of the plain loops, whatever the width of the tile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba.core import cgutils as _cgutils
from numba.core import types
from numba.extending import intrinsic

from lstmstrat.arrays import Singles
from lstmstrat.forecasting.models.lstm.compiler import inline
from lstmstrat.forecasting.models.lstm.layout import LANES, UNITS

cgutils: Any = _cgutils  # it has no types

# The sums of a tile with this number of columns fill a quarter to half of the registers.
TILE_COLUMNS = 32 if get_host_cpu_features().get("avx512f") else 16


def _tile(width: int, fresh: bool) -> Callable[..., None]:
    """c[i : i + 4, j : j + width] += a[i : i + 4] @ b[:, j : j + width], the result kept in registers.

    With `fresh` it begins at 0 and not at c. Columns of a beyond the rows of b are not read.
    """
    vector = ir.VectorType(ir.FloatType(), width)
    undefined = ir.Constant(vector, ir.Undefined)
    all_zero = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, b, c = (context.make_array(signature.args[n])(context, builder, args[n]) for n in range(3))
        i, j = args[3:]

        def address(array: Any, row: Any, column: Any, kind: Any) -> Any:
            row_stride, column_stride = cgutils.unpack_tuple(builder, array.strides)
            offset = builder.add(builder.mul(row, row_stride), builder.mul(column, column_stride))
            start = builder.bitcast(array.data, ir.IntType(8).as_pointer())
            return builder.bitcast(builder.gep(start, [offset]), kind.as_pointer())

        rows = [builder.add(i, context.get_constant(types.intp, r)) for r in range(LANES)]
        targets = [address(c, row, j, vector) for row in rows]
        zero = ir.Constant(vector, [0.0] * width)
        begin = [zero if fresh else builder.load(target, align=4) for target in targets]
        sums = [cgutils.alloca_once_value(builder, value) for value in begin]
        with cgutils.for_range(builder, cgutils.unpack_tuple(builder, b.shape)[0]) as loop:
            right = builder.load(address(b, loop.index, j, vector), align=4)
            for row, total in zip(rows, sums, strict=True):
                number = builder.load(address(a, row, loop.index, ir.FloatType()))
                first = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
                left = builder.shuffle_vector(first, undefined, all_zero)
                product = builder.fmul(left, right, flags=("contract",))
                builder.store(builder.fadd(product, builder.load(total), flags=("contract",)), total)
        for target, total in zip(targets, sums, strict=True):
            builder.store(builder.load(total), target, align=4)
        return context.get_dummy_value()

    def tile(_: Any, a: Any, b: Any, c: Any, i: Any, j: Any) -> Any:
        return types.void(a, b, c, i, j), generate

    add_tile: Callable[..., None] = intrinsic(tile)
    return add_tile


def _product(fresh: bool) -> Callable[[Singles, Singles, Singles], None]:
    wide_tile, half_tile, narrow_tile = (_tile(width, fresh) for width in (TILE_COLUMNS, 16, UNITS))

    def product(a: Singles, b: Singles, c: Singles) -> None:
        wide_end, half_end = c.shape[1] - c.shape[1] % TILE_COLUMNS, c.shape[1] - c.shape[1] % 16
        for i in range(0, c.shape[0], LANES):
            for j in range(0, wide_end, TILE_COLUMNS):
                wide_tile(a, b, c, i, j)
            for j in range(wide_end, half_end, 16):
                half_tile(a, b, c, i, j)
            for j in range(half_end, c.shape[1], UNITS):
                narrow_tile(a, b, c, i, j)

    return inline(product)


set_product = _product(fresh=True)  # c = a @ b; the rows of c are a multiple of 4, its columns of 8
add_product = _product(fresh=False)  # c += a @ b
