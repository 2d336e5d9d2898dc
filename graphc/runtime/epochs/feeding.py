"""The kernels that feed a step of an epoch: rows of the table ahead of the program's own.

Enters: the number of the step, at an address. Leaves: words of the table that point into the step's
slice of an array; rows of an array, picked and converted, in the arena.
"""

from graphc.types import DType

# args: the step's address, then for each word its address, start and stride.
SET_WORDS = '''
def kernel(begin, end, part, args):
    """word = start + step * stride, for the words from `begin` to `end`."""
    w = words(args)
    step = words(w[0])
    entry = args + 8
    for _ in range(begin, end):
        e = words(entry)
        word = words(e[0])
        word[0] = e[1] + step[0] * e[2]
        entry += 24
'''


def copy_rows(source: DType, target: DType) -> str:
    """The text of a kernel that copies the rows of a step to the arena.

    args: the step's address | source | target | rows a step | order, or 0 | bytes from a row of the
    source to the next | bytes of a row of the target | elements of a row.
    """
    return f"""
def kernel(begin, end, part, args):
    w = words(args)
    step = words(w[0])
    order = words(w[4])
    ordered = w[4] != 0
    first = step[0] * w[3]
    count = w[7]
    for i in range(begin, end):
        row = first + i
        if ordered:
            row = order[row]
        source = pointer(w[1] + row * w[5], {source.short}, 0)
        target = pointer(w[2] + i * w[6], {target.short}, 1)
        for k in range(count):
            target[k] = {target.short}(source[k])
"""
