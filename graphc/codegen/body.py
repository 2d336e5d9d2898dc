"""One element of a kernel: indices, loads, primitives, checks and stores as statements.

Enters: values of the kernel IR. Leaves: lines `t3 = exp_f32(t2)`; integer results are wrapped back
to their dtype, for Python's integers are wider.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from typing import assert_never

from graphc.codegen.words import Size, Words
from graphc.codegen.writer import Writer
from graphc.dims import DimLike
from graphc.lowering import Index, Pointwise
from graphc.ops import exp, sub
from graphc.schedule.kernel import (
    Compute,
    Count,
    Load,
    Position,
    Reduced,
    Scalar,
    Store,
    Value,
)
from graphc.schedule.stages import APART
from graphc.types import DType, int64

# In the place of a loop variable or an operand: what a stride belongs to.
OFFSET, POSITION, COUNTER = -1, -2, -1

FEW = 4  # a stride up to which neighbours in memory are loaded together and taken apart
EXP_NONPOSITIVE = "exp_nonpositive_{T}({0})"  # exp without a test for what overflows
DIFFERENCE = "fma({1}, {T}(-1), {0})"  # of what is rounded before, which {0} - {1} need not be


def _step(access: Load | Store) -> DimLike:
    """The stride of a run-time position; 1 where there is none."""
    return 1 if access.position is None else access.stride


class Elements:
    """Writes the statements of elements; knows the names of operands, sizes and values.

    `reduced` names results of reductions, `loop` is what the names of loop variables start with.
    `turned` are places in tiles that stand for memory. The operands in `paired` have small strides
    as text.
    """

    __slots__ = (
        "_loop",
        "_pointers",
        "_reduced",
        "_renamed",
        "_strides",
        "_values",
        "_words",
        "paired",
        "turned",
        "writer",
    )

    writer: Writer
    turned: dict[tuple[int, Index], str]
    paired: Collection[int]

    def __init__(
        self,
        writer: Writer,
        words: Words,
        values: Sequence[Value],
        pointers: list[str],
        reduced: dict[int, str],
        loop: str = "i",
    ) -> None:
        self.writer, self._loop = writer, loop
        self._words, self._values, self._pointers = words, values, pointers
        self._reduced = reduced
        self._renamed: Mapping[int, str] = {}
        self._strides: dict[tuple[int, int, DimLike], str] = {}
        self.turned = {}
        self.paired = ()

    def replaced(self, values: Sequence[Value], reduced: dict[int, str]) -> "Elements":
        """The same with other values, which need no other operands and sizes."""
        other = copy(self)
        other._values, other._reduced = values, reduced
        return other

    def renamed(self, variables: Mapping[int, str], reduced: Mapping[int, str]) -> "Elements":
        """The same at another point: with these names of loop variables and of reductions."""
        other = copy(self)
        other._renamed, other._reduced = variables, {**self._reduced, **reduced}
        return other

    def variable(self, v: int) -> str:
        """The text of a loop variable."""
        return self._renamed.get(v, f"{self._loop}{v}")

    def prepare(self, stores: Iterable[Store]) -> None:
        """Reads every size, stride and number that the statements will name."""
        stores = list(stores)
        self._prepare_neighbours(stores)
        for number, value in enumerate(self._values):
            match value:
                case Load(operand=operand, index=index):
                    self._prepare_index(operand, index)
                    self._prepare_stride(operand, POSITION, _step(value))
                case Scalar(node=node, dtype=dtype):
                    self._words.scalar(number, node, dtype)
                case Position(extent=extent):
                    self._words.name(f"extent{number}", Size(extent))
                case Count(index=index):
                    self._prepare_index(COUNTER, index)
                case Compute() | Reduced():
                    pass
                case _:
                    assert_never(value)
        for store in stores:
            self._prepare_index(store.operand, store.index)
            self._prepare_stride(store.operand, POSITION, _step(store))

    def _prepare_neighbours(self, stores: Sequence[Store]) -> None:
        """Offsets of paired operands, those a few elements apart in terms of each other."""
        accesses = [*(v for v in self._values if isinstance(v, Load)), *stores]
        places = {(a.operand, a.index.offset) for a in accesses if a.operand in self.paired}
        for operand, offset in sorted(p for p in places if isinstance(p[1], int)):
            near = (d for d in range(1, FEW) if (operand, OFFSET, offset - d) in self._strides)
            step = next(near, None)
            if 0 < offset < FEW:
                self._strides[operand, OFFSET, offset] = str(offset)
            elif step is not None:
                before = self._strides[operand, OFFSET, offset - step]
                self._strides[operand, OFFSET, offset] = f"{before} + {step}"
            elif offset != 0:
                self._prepare(operand, OFFSET, offset, f"offset{self._suffix(operand)}")

    def _prepare_index(self, operand: int, index: Index) -> None:
        if index.offset != 0:
            self._prepare(operand, OFFSET, index.offset, f"offset{self._suffix(operand)}")
        for v, stride in index.terms:
            self._prepare_stride(operand, v, stride)

    def _prepare_stride(self, operand: int, v: int, stride: DimLike) -> None:
        if not self._is_text(operand, stride):
            along = "p" if v == POSITION else str(v)
            self._prepare(operand, v, stride, f"s{self._suffix(operand)}_{along}")

    def _prepare(self, operand: int, v: int, number: DimLike, prefix: str) -> None:
        known = (operand, v, number)
        if known not in self._strides:
            self._strides[known] = self.writer.name(prefix)
            self.writer.line(f"{self._strides[known]} = w[{self._words.add(Size(number))}]")

    def stride(self, operand: int, v: int, stride: DimLike) -> str:
        """The text of the prepared stride of a loop variable, or of the offset."""
        known = v != OFFSET and self._is_text(operand, stride)
        return str(stride) if known else self._strides[operand, v, stride]

    def _is_text(self, operand: int, stride: DimLike) -> bool:
        few = isinstance(stride, int) and 0 < stride <= FEW
        return stride == 1 or (few and operand in self.paired)

    def _suffix(self, operand: int) -> str:
        """What the strides and offsets of an operand are called by: those of a counter have
        none."""
        return "" if operand == COUNTER else str(operand)

    def index(self, operand: int, index: Index, position: int | None, stride: DimLike) -> str:
        """The text of an index: a sum of loop variables times strides."""
        terms = []
        if index.offset != 0:
            terms.append(self._strides[operand, OFFSET, index.offset])
        for v, factor in index.terms:
            terms.append(self._product(self.variable(v), operand, v, factor))
        if position is not None:
            terms.append(self._product(self.name(position), operand, POSITION, stride))
        return " + ".join(terms) or "0"

    def _element(self, access: Load | Store) -> str:
        """The text of an element in memory, or of the place in a tile that stands for it."""
        tile = self.turned.get((access.operand, access.index))
        at = self.index(access.operand, access.index, access.position, access.stride)
        return tile or f"{self._pointers[access.operand]}[{at}]"

    def memory(self, operand: int, index: Index) -> str:
        """The text of an element in memory."""
        return f"{self._pointers[operand]}[{self.index(operand, index, None, 1)}]"

    def _product(self, name: str, operand: int, v: int, stride: DimLike) -> str:
        return name if stride == 1 else f"{name} * {self.stride(operand, v, stride)}"

    def name(self, number: int) -> str:
        """The text that stands for a value."""
        value = self._values[number]
        if isinstance(value, Position):
            return f"p{number}"
        return self._reduced[number] if isinstance(value, Reduced) else f"t{number}"

    def write(self, numbers: Iterable[int]) -> None:
        """The statements that compute these values, in order."""
        for number in numbers:
            value = self._values[number]
            match value:
                case Load():
                    self.writer.line(f"t{number} = {self._element(value)}")
                case Compute():
                    self.writer.line(f"t{number} = {self._expression(value)}")
                case Count():
                    at = self.index(COUNTER, value.index, None, 1)
                    self.writer.line(f"t{number} = {value.dtype.short}({at})")
                case Position():
                    self._check(number, value)
                case Scalar() | Reduced():
                    raise AssertionError("numbers and results of reductions have names already")
                case _:
                    assert_never(value)

    def _expression(self, value: Compute) -> str:
        lower = value.op.lower
        assert isinstance(lower, Pointwise)
        first = self.dtype(value.args[0]) if value.args else value.dtype
        text = lower.text
        if lower.integer_text is not None and first.kind in "iu":
            text = lower.integer_text
        if value.op is exp and self._is_nonpositive(self._values[value.args[0]]):
            text = EXP_NONPOSITIVE
        elif self._is_nonpositive(value) and may_contract(self._values[value.args[0]]):
            text = DIFFERENCE
        names = [self.name(a) for a in value.args]
        result = _unwrapped(text.format(*names, T=first.short, R=value.dtype.short))
        wraps = value.dtype.kind in "iu" and not result.startswith(f"{value.dtype.short}(")
        return f"{value.dtype.short}({result})" if wraps else result

    def _is_nonpositive(self, value: Value) -> bool:
        """Whether it is what an element is below the largest one."""
        if not isinstance(value, Compute) or value.op is not sub:
            return False
        element, largest = value.args
        match self._values[largest]:
            case Reduced(combine="max", value=reduced):
                return reduced == element
            case _:
                return False

    def dtype(self, number: int) -> DType:
        """The dtype of a value."""
        value = self._values[number]
        return int64 if isinstance(value, Position) else value.dtype

    def size(self, access: Load | Store) -> int:
        """The bytes of an element in memory."""
        dtype = self.dtype(access.value) if isinstance(access, Store) else access.dtype
        return dtype.itemsize

    def _check(self, number: int, value: Position) -> None:
        # Branch-free, so that the loop around it still vectorises.
        extent = self._words.name(f"extent{number}", Size(value.extent))
        line = self.writer.line
        line(f"p{number} = i64({self.name(value.value)})")
        if self.dtype(value.value).kind != "u":  # a u64 that is negative as an i64 is outside
            line(f"p{number} = select(p{number} < 0, p{number} + {extent}, p{number})")
        line(f"bad{number} = (p{number} < 0) | (p{number} >= {extent})")
        line(f"failed = select(bad{number}, {value.code}, failed)")
        line(f"p{number} = select(bad{number}, 0, p{number})")

    def store(self, stores: Iterable[Store]) -> None:
        """The statements that store."""
        for store in stores:
            target, text = self._element(store), self.name(store.value)
            if store.add:
                text = self._sum(target, text, self.dtype(store.value))
            self.writer.line(f"{target} = {text}")

    def _sum(self, a: str, b: str, dtype: DType) -> str:
        return f"{a} + {b}" if dtype.kind == "f" else f"{dtype.short}({a} + {b})"


def may_contract(value: Value) -> bool:
    """Whether a value might be subtracted from before it is rounded: a * b - c is one operation,
    and 1e22 off for a product of 1e30 that is the largest."""
    return isinstance(value, Compute) and value.op.name not in APART


def _unwrapped(text: str) -> str:
    """The expression without parentheses around the whole of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for position, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and position < len(text) - 1:
            return text
    return text[1:-1]


def checks(values: Sequence[Value]) -> bool:
    """Whether a kernel can fail: whether it checks positions."""
    return any(isinstance(value, Position) for value in values)


def reduction_start(value: Reduced, dtype: DType) -> str:
    """What an accumulator starts from."""
    short, info = dtype.short, _limits(dtype)
    match value.combine:
        case "sum" | "any":
            return f"{short}(0)"
        case "prod" | "all":
            return f"{short}(1)"
        case "max" | "argmax":
            return f"{short}({info[0]})"
        case "min" | "argmin":
            return f"{short}({info[1]})"
        case _:
            assert_never(value.combine)


def _limits(dtype: DType) -> tuple[str, str]:
    if dtype.kind == "f":
        return "-1e999", "1e999"
    if dtype.kind == "b":
        return "0", "1"
    bits = dtype.itemsize * 8
    if dtype.kind == "u":
        return "0", str(2**bits - 1)
    return str(-(2 ** (bits - 1))), str(2 ** (bits - 1) - 1)


def accumulated(value: Reduced, acc: str, new: str, dtype: DType, blind: bool = False) -> str:
    """The expression that takes one more value into an accumulator; a `blind` maximum may be any
    number if one of the values is nan."""
    floating, short = dtype.kind == "f", dtype.short
    match value.combine:
        case "sum":
            return f"accumulate({acc}, {new})" if floating else f"{short}({acc} + {new})"
        case "prod":
            return f"accumulate_mul({acc}, {new})" if floating else f"{short}({acc} * {new})"
        case "max":
            name = "blind_max" if blind else "reduce_max"
            return f"{acc} | {new}" if dtype.kind == "b" else f"{name}({new}, {acc})"
        case "min":
            return f"{acc} & {new}" if dtype.kind == "b" else f"reduce_min({new}, {acc})"
        case "any":
            return f"{acc} | {new}"
        case "all":
            return f"{acc} & {new}"
        case "argmax" | "argmin":
            raise AssertionError("argmax accumulates a pair")
        case _:
            assert_never(value.combine)


def write_best(
    writer: Writer, value: Reduced, dtype: DType, best: tuple[str, str], new: str
) -> None:
    """Takes one more value into `best` and its position: the first of the best values, a nan being
    the best of all, as NumPy has it."""
    acc, position = best
    sign = ">" if value.combine == "argmax" else "<"
    better = f"{new} {sign} {acc}"
    if dtype.kind == "f":
        better = f"({better}) | (({new} != {new}) & ({acc} == {acc}))"
    writer.line(f"better = {better}")
    writer.line(f"{acc} = select(better, {new}, {acc})")
    writer.line(f"{position} = select(better, i{value.axis}, {position})")
