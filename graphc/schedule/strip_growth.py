"""Which steps go through strips together: sets that grow step by step.

Enters: the forms of the steps that go along wide arrays, and who uses which buffer. Leaves: sets of
steps, out of which no way leads that comes back, and whose members read of a strip what others of
the set wrote of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from graphc.schedule.kernel import Buffer
from graphc.schedule.strip_form import Access, Form
from graphc.schedule.strip_order import Uses

Forms = Mapping[int, Form]


@dataclass(frozen=True, slots=True)
class _Growing:
    """Steps that may make a set: these, what they wait for, what waits for them, and the steps that
    write what they read of other strips. All as bits of an int."""

    own: int
    before: int
    after: int
    apart: int

    def with_all(self, other: _Growing) -> _Growing:
        """Both as one."""
        return _Growing(
            self.own | other.own,
            self.before | other.before,
            self.after | other.after,
            self.apart | other.apart,
        )

    @property
    def fits(self) -> bool:
        """Whether no way leads out and back, and strips do not read of each other."""
        return self.before & self.after & ~self.own == 0 and self.apart & self.own == 0


def grown(forms: Forms, arrays: Collection[Buffer], uses: Uses) -> list[set[int]]:
    """Each step joins all sets that touch what it touches, as far as that leaves no way around."""
    apart = _apart(forms, arrays)
    sets: dict[int, _Growing] = {}  # by their last steps
    joined: dict[int, int] = {}  # for the last step of what was a set, that of the larger one
    near: dict[Buffer, set[int]] = {}
    for number, form in forms.items():
        current = _Growing(1 << number, uses.before[number], uses.after[number], apart[number])
        touched = {access.buffer for access in form.accesses if access.buffer in arrays}
        found = {b: {_last(joined, last) for last in near.get(b, ())} for b in touched}
        for last in sorted({last for some in found.values() for last in some}, reverse=True):
            both = current.with_all(sets[last])
            if both.fits:
                current = both
                joined[last] = number
                del sets[last]
        sets[number] = current
        near.update((buffer, {*some, number}) for buffer, some in found.items())
    return _members(forms, joined)


def _last(joined: Mapping[int, int], number: int) -> int:
    while number in joined:
        number = joined[number]
    return number


def _members(forms: Forms, joined: Mapping[int, int]) -> list[set[int]]:
    """The sets, by their last steps."""
    last: dict[int, int] = {}
    for number in reversed([*forms]):
        last[number] = last[joined[number]] if number in joined else number
    sets: dict[int, set[int]] = {number: set() for number in forms if number not in joined}
    for number in forms:
        sets[last[number]].add(number)
    return [*sets.values()]


# ---- who reads what others made -----------------------------------------------------------------


def is_aligned(forms: Iterable[Form], arrays: Collection[Buffer]) -> bool:
    """Whether what one writes is read by others of the same strip alone, and is complete."""
    every = dict(enumerate(forms))
    return not any(_apart(every, arrays).values())


def _apart(forms: Forms, arrays: Collection[Buffer]) -> dict[int, int]:
    """For each step, as bits, those before it that write of other strips what it reads."""
    writers: Counter[Buffer] = Counter()
    alike: Counter[tuple[Buffer, object]] = Counter()
    found = dict.fromkeys(forms, 0)
    passed = _touched(forms, True) & _touched(forms, False) - {*arrays}
    for number, form in forms.items():
        for access, elements in _small(form, passed):
            if not access.written:
                found[number] |= writers[access.buffer] & ~alike[access.buffer, elements]
                continue
            writers[access.buffer] |= 1 << number
            if not form.sums:
                alike[access.buffer, elements] |= 1 << number
    return found


def _touched(forms: Forms, written: bool) -> set[Buffer]:
    """What some step writes, or reads."""
    return {a.buffer for form in forms.values() for a in form.accesses if a.written == written}


def _small(form: Form, passed: Collection[Buffer]) -> Iterator[tuple[Access, object]]:
    """What a step touches of what steps pass on, and which elements of it go with a strip."""
    for access in form.accesses:
        if access.buffer in passed:
            index = access.index
            yield access, (index.offset, form.moves(index), form.rest(index))
