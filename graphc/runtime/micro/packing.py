"""The packing kernel of the generated matmul: panels of vectors from operands whose rows are none.

Enters: a vector width and a dtype. Leaves: the LLVM function

    pack(source, v_stride, k_stride, target, target_row, v, k)

    target[i * target_row + j] = source[j, i]  for i < k, j < v    all int64, strides in elements

It copies vectors, transposes squares in registers, or gathers, by the strides. Whole vectors are
written: past v a row of the target holds anything.
"""

from graphc.runtime.language.ir_text import IRFunction, Values

PACK_ARGUMENTS = ("source", "vs", "ks", "target", "row", "v", "k")


def _interleave(width: int, lane: int, group: int, high: int) -> list[int]:
    """In each lane: groups in turn from the low (or high) halves of the lanes of x and of y."""
    return [
        start + side * width + e
        for first in range(0, width, lane)
        for start in range(first + high * lane // 2, first + (high + 1) * lane // 2, group)
        for side in (0, 1)
        for e in range(group)
    ]


def _alternate(width: int, lane: int, odd: int) -> list[int]:
    """The even (or odd) lanes of x and y, concatenated."""
    return [b * lane + e for b in range(odd, 2 * width // lane, 2) for e in range(lane)]


def _transpose(f: IRFunction, rows: Values) -> Values:
    """The columns of a square of vectors: first inside lanes of 16 bytes, then whole lanes."""
    width, lane = f.width, 16 // f.size
    groups = []
    for first in range(0, width, lane):
        part, group = rows[first : first + lane], 1
        while group < lane:
            pairs = [(i, i + 1) for i in range(0, lane, 2)] if group == 1 else [(0, 2), (1, 3)]
            part = [
                f.shuffle(part[x], part[y], _interleave(width, lane, group, high))
                for x, y in pairs
                for high in (0, 1)
            ]
            group *= 2
        groups.append(part)
    columns = dict[int, str]()
    for c in range(lane):
        level = {0: [group[c] for group in groups]}
        while len(level[0]) > 1:
            level = {
                first + odd * len(level): [
                    f.shuffle(x, y, _alternate(width, lane, odd))
                    for x, y in zip(pieces[::2], pieces[1::2], strict=True)
                ]
                for first, pieces in level.items()
                for odd in (0, 1)
            }
        columns |= {first * lane + c: pieces[0] for first, pieces in level.items()}
    return [columns[c] for c in range(width)]


def _pack_copy(f: IRFunction) -> None:
    """v has unit stride: rows of vectors; the last one overlaps the one before it."""
    whole = f.value(f"sdiv i64 %v, {f.width}")
    last = f.bytes(f.value(f"sub i64 %v, {f.width}"))

    def row(_: str, values: Values) -> Values:
        source, target = values

        def vector(j: str, _: Values) -> Values:
            offset = f.value(f"mul i64 {j}, {f.width * f.size}")
            f.store(f.vector, f.load(f.at(source, offset), f.vector), f.at(target, offset))
            return []

        f.loop(whole, [], vector)
        f.store(f.vector, f.load(f.at(source, last), f.vector), f.at(target, last))
        return [f.at(source, "%ks.bytes"), f.at(target, "%row.bytes")]

    f.loop("%k", [("ptr", "%source.0"), ("ptr", "%target.0")], row)


def _pack_gather(f: IRFunction) -> None:
    """Any strides, element by element."""

    def row(_: str, values: Values) -> Values:
        def element(_: str, places: Values) -> Values:
            f.store(f.scalar, f.load(places[0], f.scalar), places[1])
            return [f.at(places[0], "%vs.bytes"), f.at(places[1], f.size)]

        f.loop("%v", [("ptr", value) for value in values], element)
        return [f.at(values[0], "%ks.bytes"), f.at(values[1], "%row.bytes")]

    f.loop("%k", [("ptr", "%source.0"), ("ptr", "%target.0")], row)


def _pack_transpose(f: IRFunction) -> None:
    """k has unit stride: squares of width x width through registers.

    Rows past v repeat the last one. A square's columns are stored as whole vectors, which run into
    the next row of the target where that is not a multiple of the width: so the blocks of v go
    downwards, and k goes upwards.
    """
    blocks = f.value(f"sdiv i64 {f.value(f'add i64 %v, {f.width - 1}')}, {f.width}")
    whole, rest = f.value(f"sdiv i64 %k, {f.width}"), f.value(f"srem i64 %k, {f.width}")

    def block(index: str, _: Values) -> Values:
        up = f.value(f"sub i64 {f.value(f'sub i64 {blocks}, 1')}, {index}")
        first = f.value(f"mul i64 {up}, {f.width}")
        last = f.value(f"sub i64 {f.value(f'sub i64 %v, {first}')}, 1")
        source = f.at("%source.0", f.value(f"mul i64 {first}, %vs.bytes"))
        target = f.at("%target.0", f.bytes(first))
        clamped = [f.least(str(row), last) for row in range(f.width)]
        offsets = [f.value(f"mul i64 {row}, %vs.bytes") for row in clamped]

        def square(_: str, values: Values) -> Values:
            rows = [f.load(f.at(values[0], offset), f.vector) for offset in offsets]
            place = values[1]
            for column in _transpose(f, rows):
                f.store(f.vector, column, place)
                place = f.at(place, "%row.bytes")
            return [f.at(values[0], f.width * f.size), place]

        source, target = f.loop(whole, [("ptr", source), ("ptr", target)], square)
        _pack_last_square(f, source, target, offsets, rest)
        return []

    f.loop(blocks, [], block)


def _pack_last_square(f: IRFunction, source: str, target: str, offsets: Values, rest: str) -> None:
    """The last columns, fewer than a square has."""
    some, none = f.fresh("some"), f.fresh("none")
    f.branch(f.value(f"icmp sgt i64 {rest}, 0"), some, none)
    f.label(some)
    mask = f.first_lanes(rest)
    columns = _transpose(f, [f.masked_load(f.at(source, offset), mask) for offset in offsets])
    for c, column in enumerate(columns[:-1]):
        following = f.fresh("next")
        f.store(f.vector, column, target)
        f.branch(f.value(f"icmp sgt i64 {rest}, {c + 1}"), following, none)
        f.label(following)
        target = f.at(target, "%row.bytes")
    f.do(f"br label %{none}")
    f.label(none)


def pack_function(width: int, dtype: str) -> IRFunction:
    """The packing kernel."""
    f = IRFunction(dtype, width)
    f.scaled("vs", "ks", "row")
    for name in ("source", "target"):
        f.do(f"%{name}.0 = inttoptr i64 %{name} to ptr")
    wide = f.value(f"icmp sge i64 %v, {width}")
    unit = f.value("icmp eq i64 %vs, 1")
    f.branch(f.value(f"and i1 {wide}, {unit}"), "copy", "strided")
    f.label("strided")
    f.branch(f.value("icmp eq i64 %ks, 1"), "transpose", "gather")
    for name, emit in (
        ("copy", _pack_copy),
        ("transpose", _pack_transpose),
        ("gather", _pack_gather),
    ):
        f.label(name)
        emit(f)
        f.do("ret void")
    return f
