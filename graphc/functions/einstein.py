"""einsum: sums of products by letters, composed of `dot`, sums, diagonals and a transpose.

Enters: a subscripts string and tensors. Leaves: a tensor. Operands are multiplied from left to
right; a letter is summed as soon as no later operand and not the result has it.

>>> a = [[1, 2], [3, 4]]
>>> einsum("ij,kj->ik", a, a).eval()
array([[ 5, 11],
       [11, 25]])
"""

from collections import Counter
from string import ascii_letters

from graphc import graph, ops
from graphc.dims import DimLike, same_dims
from graphc.errors import ShapeError
from graphc.functions import shaping
from graphc.functions.creation import as_tensors
from graphc.functions.lifting import filled, same_dtype
from graphc.functions.tensor import Tensor, TensorLike
from graphc.types import int64


def einsum(subscripts: str, *operands: TensorLike) -> Tensor:
    """The sum of products that the letters describe, "ij,jk->ik" a matrix product.

    Each letter names an axis, ... any leading ones; a letter that the result lacks is summed. A
    letter twice in one operand takes its diagonal. Without "->" the result has, in alphabetical
    order, the letters that stand once. Raises ShapeError where sizes or ranks do not fit.

    >>> einsum("ii", [[1, 2], [3, 4]]).eval(), einsum("i,j->ji", [1, 2], [3, 4]).eval()
    (array(5), array([[3, 6],
           [4, 8]]))
    """
    if not isinstance(subscripts, str) or not operands:
        raise ShapeError(
            "einsum: subscripts first, then the operands",
            got=f"{type(subscripts).__name__} and {len(operands)} operands",
            fix='einsum("ij,jk->ik", a, b)',
        )
    xs = same_dtype(*as_tensors(*operands))
    terms, result = _parse(subscripts, xs)
    _check_sizes(subscripts, terms, xs)
    wanted = [set(result).union(*terms[i + 1 :]) for i in range(len(terms))]
    total, letters = _without_repeats(xs[0], terms[0])
    for x, term, later in zip(xs[1:], terms[1:], wanted[1:], strict=True):
        y, other = _without_repeats(x, term)
        total, letters = _multiplied(total, letters, y, other, later)
    total, letters = _summed(total, letters, set(result))
    return shaping.permuted(total, [letters.index(c) for c in result])


def _parse(subscripts: str, xs: tuple[Tensor, ...]) -> tuple[list[str], str]:
    """A letter for each axis of each operand, and of the result; ... is spelled out."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(xs):
        raise ShapeError(
            f"einsum: {len(terms)} operands are described",
            got=f"{len(xs)} given",
            fix="describe each, with commas between them: einsum('ij,jk->ik', a, b)",
        )
    free = [c for c in ascii_letters if c not in text]
    most = max(_hidden(t, x.ndim) for t, x in zip(terms, xs, strict=True))
    dots = "".join(free[:most])
    spelled = [
        t.replace("...", dots[most - _hidden(t, x.ndim) :]) for t, x in zip(terms, xs, strict=True)
    ]
    counts = Counter("".join(terms).replace(".", ""))
    once = "".join(sorted(c for c, n in counts.items() if n == 1))
    result = right.replace("...", dots) if arrow else dots + once
    unknown = set(result) - set("".join(spelled))
    bad = {c for c in result + "".join(spelled) if not c.isalpha()}
    if unknown or bad or len(set(result)) < len(result):
        raise ShapeError(
            "einsum: the subscripts are not well formed",
            got=subscripts,
            fix="letters and ... only; the result names letters of the operands, each once",
        )
    for term, x in zip(spelled, xs, strict=True):
        if len(term) != x.ndim:
            raise ShapeError(
                f"einsum: {term!r} does not fit a tensor",
                got=f"of shape {x.shape}",
                fix="write a letter for each axis, or ... for several",
            )
    return spelled, result


def _hidden(term: str, rank: int) -> int:
    """How many axes the ... of a term stands for."""
    return rank - len(term) + 3 if "..." in term else 0


def _check_sizes(subscripts: str, terms: list[str], xs: tuple[Tensor, ...]) -> None:
    sizes: dict[str, DimLike] = {}
    for term, x in zip(terms, xs, strict=True):
        for letter, size in zip(term, x.shape, strict=True):
            if same_dims(sizes.setdefault(letter, size), size) is False:
                raise ShapeError(
                    f"einsum: {subscripts!r}: {letter} has two sizes",
                    got=f"{sizes[letter]} != {size}",
                    fix="axes of one letter have one size; give another axis another letter",
                )


def _without_repeats(x: Tensor, letters: str) -> tuple[Tensor, str]:
    """The diagonal along every letter that stands twice, as the sum of a masked tensor."""
    for letter in [c for c, n in Counter(letters).items() if n > 1]:
        while letters.count(letter) > 1:
            first, last = letters.index(letter), letters.rindex(letter)
            same = _positions(x, first) == _positions(x, last)
            x = shaping.reduced(
                ops.sum_,
                ops.where(same, x, filled(0, x.shape, x.dtype, Tensor)),
                last,
                keepdims=False,
            )
            letters = letters[:last] + letters[last + 1 :]
    return x, letters


def _positions(x: Tensor, axis: int) -> Tensor:
    params = {"shape": x.shape, "axis": axis, "dtype": int64}
    return Tensor(graph.make(ops.iota, (), params))


def _multiplied(a: Tensor, in_a: str, b: Tensor, in_b: str, later: set[str]) -> tuple[Tensor, str]:
    """The product of two operands, summed over the letters that nothing later needs."""
    a, in_a = _summed(a, in_a, later | set(in_b))
    b, in_b = _summed(b, in_b, later | set(in_a))
    shared = [c for c in in_a if c in in_b]
    batch = [c for c in shared if c in later]
    inner = [c for c in shared if c not in later]
    axes = [(_axes(in_a, letters), _axes(in_b, letters)) for letters in (inner, batch)]
    free = [c for c in in_a + in_b if c not in shared]
    return ops.dot(a, b, contract=axes[0], batch=axes[1]), "".join(batch + free)


def _axes(letters: str, chosen: list[str]) -> tuple[int, ...]:
    return tuple(letters.index(c) for c in chosen)


def _summed(x: Tensor, letters: str, kept: set[str]) -> tuple[Tensor, str]:
    axes = [i for i, c in enumerate(letters) if c not in kept]
    rest = "".join(c for c in letters if c in kept)
    return (shaping.reduced(ops.sum_, x, axes, keepdims=False) if axes else x), rest
