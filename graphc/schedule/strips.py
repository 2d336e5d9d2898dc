"""Strips: a wide array that only a few kernels make and read, row by row, is never in memory whole.

Enters: the steps of a program. Leaves: steps, of which some are sets. A set is a StripKernel and
the kernels that it runs, behind it, on one strip of rows after the other:

    scores = q @ k.T; weights = softmax(scores); weights @ v    (h, t, s) scores and weights
    ->  for each h, for some rows of t at a time: the same       (rows, s) of both, for each part

A set starts at a contraction whose result is wide: larger than what it reads. Those that touch
wide arrays of the same shape join it, if no way leads out of the set and back into it. Or it is a
loop and the narrow products that alone read what the loop makes: `strip_start` finds both. A strip
goes through them in order: what one writes, another reads of the same rows alone. Sums over the
rows (the gradients of k and v) start from zeros and grow from strip to strip of a head.

What a later set reads of an earlier one, it computes again, on its strips: the gradient does so
with scores and weights, from q and k. Memory is then linear in the rows, and what is computed again
never leaves the cache. How large a strip is, a binding decides, and thereby how many there are.

Wide arrays stay as they are that an output or another kernel reads, whose sums over the rows go
through an epilogue, or whose heads are known to be short; so do gradients without a head axis:
parts share out heads.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from graphc.dims import STRIP, named, product
from graphc.graph import constant
from graphc.lowering import Reduce
from graphc.schedule.kernel import (
    Buffer,
    ContractKernel,
    LoopKernel,
    Member,
    Operand,
    Origin,
    Scalar,
    Stage,
    Step,
    StripKernel,
)
from graphc.schedule.strip_form import (
    Form,
    Space,
    all_extents,
    counted_form,
    covered,
    form_of,
    member_of,
    own_buffer,
    wide_shape,
)
from graphc.schedule.strip_growth import grown, is_aligned
from graphc.schedule.strip_order import Unit, Uses, in_order, is_convex, uses_of
from graphc.schedule.strip_start import Shape, is_wide, prologues, wide_shapes
from graphc.types import TensorType


@dataclass(slots=True)
class Strips:
    """A set while it grows: numbers of steps, and of those that are computed again."""

    members: set[int]
    again: set[int] = field(default_factory=set)

    @property
    def steps(self) -> list[int]:
        """All that run, in order."""
        return sorted(self.members | self.again)


@dataclass(slots=True)
class _Wide:
    """The wide arrays of one shape, and what touches them: `forms` of the steps that go along
    their rows. `counted` arrays are the same for all heads, and made from positions alone, by such
    a step."""

    shape: Shape
    arrays: set[Buffer]
    forms: dict[int, Form]
    uses: Uses
    sets: list[Strips] = field(default_factory=list)
    stored: set[Buffer] = field(default_factory=set)
    counted: dict[Buffer, int] = field(default_factory=dict)

    @property
    def inside(self) -> set[int]:
        """The steps that are members of sets."""
        return {n for strips in self.sets for n in strips.members}

    @property
    def own(self) -> set[Buffer]:
        """What only strips have."""
        return self.arrays - self.stored | self.counted.keys()


def in_strips(steps: Sequence[Step], outputs: Collection[Buffer]) -> tuple[Step, ...]:
    """The steps, by level; those of a set stand behind its StripKernel."""
    uses, found = uses_of(steps), list[_Wide]()
    for shape in wide_shapes(steps, outputs):
        inside = {n for wide in found for n in wide.inside}
        wide = _wide(shape, uses, outputs, inside)
        wide.sets.extend(map(Strips, grown(wide.forms, wide.arrays, uses)))
        _settle(wide)
        _take_counted(wide, outputs)
        found.append(wide)
    inside = {n for wide in found for n in wide.inside}
    for buffer, shape, forms in prologues(uses, outputs, inside):
        members = Strips({*forms})
        wide = _Wide(shape, {buffer}, forms, uses, [members])
        if is_convex(uses, members.members) and is_aligned(forms.values(), wide.arrays):
            found.append(wide)
    while any(wide.sets for wide in found):
        sets = [(s.members, s.again, w.own) for w in found for s in w.sets]
        ordered = in_order(uses, sets)
        if ordered is not None:
            return _assembled(steps, found, ordered)
        found.pop()  # some sets wait for each other
    return tuple(steps)


def _wide(shape: Shape, uses: Uses, outputs: Collection[Buffer], taken: Collection[int]) -> _Wide:
    arrays = {
        buffer
        for buffer, writers in uses.writers.items()
        if buffer.kind == "arena" and len(writers) == 1 and wide_shape(buffer) == shape
    }
    arrays -= set(outputs)
    touching = sorted({n for buffer in arrays for n in uses.of(buffer)} - {*taken})
    forms = {n: form_of(uses.steps[n].kernel, arrays, shape) for n in touching}
    return _Wide(shape, arrays, {n: f for n, f in forms.items() if f is not None}, uses)


# ---- what is stored, and what is computed again -------------------------------------------------


def _settle(wide: _Wide) -> None:
    """Decides what stays in memory; sets that would save none are given up."""
    while True:
        inside = wide.inside
        wide.stored |= {b for b in wide.arrays if not inside.issuperset(wide.uses.of(b))}
        before = len(wide.stored), len(wide.sets)
        wide.sets = [strips for strips in wide.sets if _pays(wide, strips)]
        for strips in wide.sets:
            strips.again = _again(wide, strips)
        if before == (len(wide.stored), len(wide.sets)):
            return


def _again(wide: _Wide, strips: Strips) -> set[int]:
    """The steps of other sets that the set has to repeat; what they cannot give is stored."""
    again: set[int] = set()
    waiting = sorted(strips.members)
    while waiting:
        for buffer in _read(wide, waiting.pop()) - wide.stored:
            (maker,) = wide.uses.writers[buffer]
            if maker in strips.members | again:
                continue
            if _repeats(wide, maker):
                again.add(maker)
                waiting.append(maker)
            else:
                wide.stored.add(buffer)
    return again


def _read(wide: _Wide, number: int) -> set[Buffer]:
    found = {a.buffer for a in wide.forms[number].accesses if not a.written}
    return found & wide.arrays


def _repeats(wide: _Wide, number: int) -> bool:
    """Whether a step can run once more: it is cheap, and what it reads is still there."""
    form = wide.forms[number]
    if form.sums or (isinstance(form.kernel, ContractKernel) and not is_wide(form.kernel)):
        return False
    axes = wide.shape[:-1]
    for access in form.accesses:
        small = access.written and access.buffer not in wide.arrays
        if small and covered(access.index, all_extents(form.kernel), axes) is None:
            return False
        if access.buffer.kind == "state" and access.buffer in wide.uses.writers:
            return False
    return True


def _pays(wide: _Wide, strips: Strips) -> bool:
    """Whether a contraction reads what the set keeps for itself, and parts find work.

    A product with a matrix that all heads share is a layer, not attention: its rows can have
    reductions, but their strips would only read the matrix again and again.
    """
    forms = [wide.forms[n] for n in strips.members]
    own = wide.arrays - wide.stored
    made = {a.buffer for f in forms for a in f.accesses if a.written} & own
    read = any(a.buffer in own and a.operand is None for f in forms for a in f.accesses)
    heads = len(wide.shape) > 2
    if not heads and any(form.sums for form in forms):
        return False
    return bool(made) and read and (_batched(forms) if heads else any(map(_reduces, forms)))


def _batched(forms: Sequence[Form]) -> bool:
    """Whether both factors of every contraction have a head axis."""
    factors = [f.moves(a.index)[:-1] for f in forms for a in f.accesses if a.operand is None]
    return all(any(step != 0 for step in steps) for steps in factors)


def _reduces(form: Form) -> bool:
    lowers = [part.node.op.lower for part in form.kernel.origin.parts]
    return isinstance(form.kernel, LoopKernel) and any(isinstance(o, Reduce) for o in lowers)


def _take_counted(wide: _Wide, outputs: Collection[Buffer]) -> None:
    """Arrays of rows that all heads share, a causal mask for example, are made strip by strip too,
    where nothing is read for them and sets alone read them."""
    uses, inside, shape = wide.uses, wide.inside, wide.shape[-2:]
    for buffer, writers in uses.writers.items():
        plain = buffer.kind == "arena" and len(writers) == 1 and buffer not in outputs
        if not plain or len(wide.shape) == 2 or wide_shape(buffer) != shape:
            continue
        form = counted_form(uses.steps[writers[0]].kernel, wide.shape)
        readers = uses.readers.get(buffer, ())
        if form is None or not readers or not inside.issuperset(readers):
            continue
        if is_aligned([form, *(wide.forms[n] for n in sorted(readers))], wide.arrays):
            wide.forms[writers[0]] = form
            wide.counted[buffer] = writers[0]


# ---- the steps of a set -------------------------------------------------------------------------


def _assembled(
    steps: Sequence[Step], found: Sequence[_Wide], levels: Mapping[Unit, int]
) -> tuple[Step, ...]:
    """Steps and sets at their levels: a step's key is its number, a set's ("set", its number)."""
    inside = {n for wide in found for n in (*wide.inside, *wide.counted.values())}
    result = [replace(s, level=levels[n]) for n, s in enumerate(steps) if n not in inside]
    sets = [(wide, strips) for wide in found for strips in wide.sets]
    for number, (wide, strips) in enumerate(sets):
        kernel = _strip_kernel(wide, strips, number)
        level = levels["set", number]
        result.append(Step(kernel, level))
        result += [Step(member.kernel, level) for member in kernel.members]
    return tuple(sorted(result, key=lambda step: step.level))


def _strip_kernel(wide: _Wide, strips: Strips, number: int) -> StripKernel:
    axes = wide.shape[:-1]
    units, starts = (
        tuple(named(f"{STRIP}{number}_{what}{n}") for n in range(len(axes)))
        for what in ("size", "start")
    )
    whole = (*units, wide.shape[-1])
    own = {b: own_buffer(b, whole[-2:] if b in wide.counted else whole) for b in wide.own}
    members = [member_of(form, Space(units, starts, own)) for form in _counting(wide, strips)]
    for step in strips.steps:
        form = wide.forms[step]
        if step in strips.again:
            form = _repeated(form)
            small = {a.buffer for a in form.accesses if a.written} - wide.arrays
            known = own | {b: own_buffer(b, units) for b in small} | _scratch(form)
            members.append(member_of(form, Space(units, starts, known)))
            continue
        member = member_of(form, Space(units, starts, own))
        members += [_zeros(member), member] if form.sums else [member]
    kernels = [wide.forms[n].kernel for n in strips.steps]
    where = next(k.origin.where for k in kernels if isinstance(k, ContractKernel))
    sums = any(wide.forms[n].sums for n in strips.members)
    return StripKernel(Origin("strips", where, ()), axes, units, starts, tuple(members), sums)


def _counting(wide: _Wide, strips: Strips) -> Iterator[Form]:
    """Forms of what makes the counted arrays that a set reads."""
    for buffer, maker in wide.counted.items():
        sets = [
            s
            for s in wide.sets
            if any(a.buffer is buffer for n in s.steps for a in wide.forms[n].accesses)
        ]
        if strips in sets:
            form = wide.forms[maker]
            yield form if strips is sets[0] else _repeated(form)


def _repeated(form: Form) -> Form:
    """The same, told as work that is done again."""
    origin = form.kernel.origin
    parts = tuple(replace(part, role="again") for part in origin.parts)
    kernel = replace(form.kernel, origin=replace(origin, parts=parts, refusals=()))
    return replace(form, kernel=kernel)


def _scratch(form: Form) -> dict[Buffer, Buffer]:
    """Rows of its own: there may be fewer parts than where the step runs first."""
    buffers = [o.buffer for o in form.kernel.operands if o.buffer.kind == "scratch"]
    return {buffer: replace(buffer) for buffer in buffers}


def _zeros(member: Member) -> Member:
    """Clears what the member adds to."""
    kernel = member.kernel
    assert isinstance(kernel, ContractKernel)
    (store,) = kernel.stage.stores
    operand = kernel.operands[store.operand]
    zero = constant(np.zeros((), operand.dtype.numpy), TensorType(operand.dtype, ()))
    extents = kernel.extents
    fill = LoopKernel(
        origin=Origin("zeros", kernel.origin.where, ()),
        outer=extents[:-1],
        inner=extents[-1:],
        operands=(Operand(operand.buffer, operand.dtype, True),),
        values=(Scalar(zero, operand.dtype),),
        stages=(Stage("inner", (), (replace(store, operand=0, value=0, add=False),)),),
        lanes="inner",
        split=0,
        parts=None,
        kept=(),
        checks=(),
        cost=product(extents),
    )
    return Member(fill, (member.operands[store.operand],), first=True)
