"""LLVM IR as text: the lines of one function, with fresh names and structured loops.

Enters: calls that each add a line. Leaves: the text of a module.

    f = IRFunction("float32", 16)
    pointer = f.value("inttoptr i64 %a to ptr")
    f.store(f.vector, f.load(f.at(pointer, 64), f.vector), pointer)
    f.do("ret void")
    f.module("move", ("a",))        # define void @move(i64 %a) nounwind { ...
"""

from collections.abc import Callable, Mapping, Sequence

Values = list[str]


class IRFunction:
    """The lines of one LLVM function; every value gets a fresh name."""

    __slots__ = ("block", "declared", "lines", "names", "scalar", "size", "vector", "width")

    scalar: str
    size: int
    width: int
    vector: str
    block: str
    names: int
    declared: set[str]

    def __init__(self, dtype: str, width: int) -> None:
        self.scalar, self.size = {"float32": ("float", 4), "float64": ("double", 8)}[dtype]
        self.width, self.vector = width, f"<{width} x {self.scalar}>"
        self.lines: Values = ["entry:"]
        self.block, self.names, self.declared = "entry", 0, set[str]()

    def fresh(self, prefix: str = "v") -> str:
        self.names += 1
        return f"{prefix}{self.names}"

    def value(self, text: str) -> str:
        name = "%" + self.fresh()
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        self.lines.append("  " + text)

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")
        self.block = name

    def bytes(self, elements: str) -> str:
        return self.value(f"mul i64 {elements}, {self.size}")

    def at(self, pointer: str, offset: str | int) -> str:
        return self.value(f"getelementptr i8, ptr {pointer}, i64 {offset}")

    def load(self, pointer: str, kind: str) -> str:
        return self.value(f"load {kind}, ptr {pointer}, align {self.size}")

    def store(self, kind: str, name: str, pointer: str) -> None:
        self.do(f"store {kind} {name}, ptr {pointer}, align {self.size}")

    def hidden(self, pointer: str) -> str:
        """The pointer, of which LLVM does not know where it comes from."""
        return self.value(f'call ptr asm "", "=r,0"(ptr {pointer})')

    def prefetch(self, pointer: str, near: int = 3, written: bool = False) -> None:
        """Asks for the line of a pointer, which need not be valid; near 3: into the first cache.
        What is `written` then is taken from other cores."""
        self.declared.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        how = f"i32 {int(written)}, i32 {near}, i32 1"
        self.do(f"call void @llvm.prefetch.p0(ptr {pointer}, {how})")

    def least(self, x: str, y: str) -> str:
        self.declared.add("declare i64 @llvm.smin.i64(i64, i64)")
        return self.value(f"call i64 @llvm.smin.i64(i64 {x}, i64 {y})")

    def scaled(self, *names: str) -> None:
        """%name.bytes of arguments that count elements."""
        for name in names:
            self.do(f"%{name}.bytes = mul i64 %{name}, {self.size}")

    def multiples(self, step: str, count: int) -> Values:
        """0, 1, 2, ... times a step: odd multiples and, as the processor scales them, their
        doubles, so that eight need no more than four registers."""
        odd = {n: self.value(f"mul i64 {step}, {n}") for n in range(1, count, 2)}
        return ["0"] + [
            self.value(f"mul i64 {odd[n // (n & -n)]}, {n & -n}") for n in range(1, count)
        ]

    def shuffle(self, x: str, y: str, indices: Sequence[int], lanes: int = 0) -> str:
        """The elements of x and y, concatenated, that the indices name; vectors, or of `lanes`."""
        mask = ", ".join(f"i32 {i}" for i in indices)
        kind = f"<{lanes or self.width} x {self.scalar}>"
        return self.value(f"shufflevector {kind} {x}, {kind} {y}, <{len(indices)} x i32> <{mask}>")

    def splat(self, scalar: str) -> str:
        vector = self.value(f"insertelement {self.vector} poison, {self.scalar} {scalar}, i32 0")
        zeros = f"<{self.width} x i32> zeroinitializer"
        return self.value(f"shufflevector {self.vector} {vector}, {self.vector} poison, {zeros}")

    def first_lanes(self, count: str, lanes: int = 0) -> str:
        """The mask of the first `count` lanes, of a vector or of so many `lanes`."""
        lanes = lanes or self.width
        wide, ordinals = f"<{lanes} x i64>", ", ".join(f"i64 {i}" for i in range(lanes))
        one = self.value(f"insertelement {wide} poison, i64 {count}, i32 0")
        zeros = f"<{lanes} x i32> zeroinitializer"
        limit = self.value(f"shufflevector {wide} {one}, {wide} poison, {zeros}")
        return self.value(f"icmp slt {wide} <{ordinals}>, {limit}")

    def masked_load(self, pointer: str, mask: str, lanes: int = 0) -> str:
        """The lanes of the mask, of others 0; without a mask all."""
        lanes = lanes or self.width
        vector, kind = f"<{lanes} x {self.scalar}>", f"<{lanes} x i1>"
        if not mask:
            return self.load(pointer, vector)
        name = f"@llvm.masked.load.v{lanes}f{self.size * 8}.p0"
        self.declared.add(f"declare {vector} {name}(ptr, {kind}, {vector})")
        arguments = f"ptr align {self.size} {pointer}, {kind} {mask}"
        return self.value(f"call {vector} {name}({arguments}, {vector} zeroinitializer)")

    def masked_store(self, value: str, pointer: str, mask: str, lanes: int = 0) -> None:
        """The lanes of the mask; without a mask all."""
        lanes = lanes or self.width
        vector, kind = f"<{lanes} x {self.scalar}>", f"<{lanes} x i1>"
        if not mask:
            self.store(vector, value, pointer)
            return
        name = f"@llvm.masked.store.v{lanes}f{self.size * 8}.p0"
        self.declared.add(f"declare void {name}({vector}, ptr, {kind})")
        place = f"ptr align {self.size} {pointer}"
        self.do(f"call void {name}({vector} {value}, {place}, {kind} {mask})")

    def multiply_add(self, x: str, y: str, z: str) -> str:
        name, kind = f"@llvm.fmuladd.v{self.width}f{self.size * 8}", self.vector
        self.declared.add(f"declare {kind} {name}({kind}, {kind}, {kind})")
        return self.value(f"call {kind} {name}({kind} {x}, {kind} {y}, {kind} {z})")

    def branch(self, condition: str, then: str, other: str) -> None:
        self.do(f"br i1 {condition}, label %{then}, label %{other}")

    def switch(self, value: str, cases: Mapping[int, Callable[[], None]]) -> None:
        """The code of the case that the value is, if any."""
        done, labels = self.fresh("done"), {number: self.fresh("case") for number in cases}
        table = " ".join(f"i64 {number}, label %{label}" for number, label in labels.items())
        self.do(f"switch i64 {value}, label %{done} [{table}]")
        for number, body in cases.items():
            self.label(labels[number])
            body()
            self.do(f"br label %{done}")
        self.label(done)

    def loop(
        self,
        count: str,
        carried: Sequence[tuple[str, str]],
        body: Callable[[str, Values], Values],
    ) -> Values:
        """`count` rounds of body(index, values) -> values; carried: types and first values."""
        before, head, done = self.block, self.fresh("loop"), self.fresh("done")
        self.branch(self.value(f"icmp sgt i64 {count}, 0"), head, done)
        self.label(head)
        start, index = len(self.lines), "%" + self.fresh("i")
        values = ["%" + self.fresh("x") for _ in carried]
        after = body(index, list(values))
        following = self.value(f"add nsw i64 {index}, 1")
        more, last = self.value(f"icmp slt i64 {following}, {count}"), self.block
        phis = [f"  {index} = phi i64 [0, %{before}], [{following}, %{last}]"]
        for (kind, first), value, new in zip(carried, values, after, strict=True):
            phis.append(f"  {value} = phi {kind} [{first}, %{before}], [{new}, %{last}]")
        self.lines[start:start] = phis
        self.branch(more, head, done)
        self.label(done)
        return [
            self.value(f"phi {kind} [{first}, %{before}], [{new}, %{last}]")
            for (kind, first), new in zip(carried, after, strict=True)
        ]

    def chain(
        self,
        kinds: Sequence[str],
        values: Values,
        steps: Sequence[tuple[str, Callable[[Values], Values]]],
    ) -> Values:
        """Steps (leave, body) in turn: values = body(values), up to the first that is to leave; one
        of "" never is."""
        end, leaving = self.fresh("end"), list[tuple[str, Values]]()
        for leave, body in steps:
            if leave:
                following = self.fresh("step")
                leaving.append((self.block, values))
                self.branch(leave, end, following)
                self.label(following)
            values = body(values)
        if not leaving:
            return values
        leaving.append((self.block, values))
        self.do(f"br label %{end}")
        self.label(end)
        return [
            self.value(f"phi {kind} " + ", ".join(f"[{v[n]}, %{b}]" for b, v in leaving))
            for n, kind in enumerate(kinds)
        ]

    def module(self, name: str, arguments: Sequence[str]) -> str:
        """The module of a function of int64 arguments that returns nothing."""
        parameters = ", ".join(f"i64 %{argument}" for argument in arguments)
        first = f"define void @{name}({parameters}) nounwind {{"
        return "\n".join([first, *self.lines, "}", "", *sorted(self.declared), ""])
