"""Memory that is asked for while micro-kernels work: the text that fills their table.

Enters: the size of an element. Leaves: statements of the macro-kernel. A micro-kernel takes an
entry of the table for every tile of rows and asks for a line in each step n along the depth: at
address + (n >> pace) * step, to read it, or to write there too. Address 0: it asks for none, and
the table ends. What comes slowly from memory so is in the caches when it is needed. A core that
asks only then waits, and does not compute; and it waits as well if it asks for many lines at once.

- The rows of the arrays that an epilogue reads, such as weights and their moments.
- The columns of B that are packed next, as late as there is time: else they are driven out again.
"""

from graphc.schedule.contraction_prefetch import ENTRY, MOST_ENTRIES
from graphc.schedule.slots import ARRAY, ARRAYS, LAST, NEXT, STOP, TABLE

AHEAD_WORDS = (
    "ahead_rows",  # 1: the epilogue's rows are asked for
    "ahead_lines",  # entries of an array, or down a block of B, `across` bytes apart
    "ahead_across",
    "ahead_depths",  # of a block of B so often, `down` bytes apart
    "ahead_down",
    "ahead_step",
    "ahead_pace",
    "ahead_blocks",
    "ahead_written",
)

ASK = f"""\
asked = 0
if ahead_rows != 0:
    asked = minimum(state[{ARRAYS}], floordiv({MOST_ENTRIES}, ahead_lines))
following = block + ahead_blocks
if (floordiv(following, row_blocks) * row_blocks == following) & (following < state[{LAST}]):
    asked = maximum(asked, ahead_depths)
for q in range(asked):
    step, written = ahead_step, 0
    place = b_address + (j0 + block_columns) * b_column * {{size}} + q * ahead_down
    if ahead_rows != 0:
        step = state[{ARRAYS + 2} + {ARRAY} * q] * {{size}}
        place = state[{ARRAYS + 1} + {ARRAY} * q] + i0 * step + j0 * {{size}}
        written = state[{ARRAYS + 3} + {ARRAY} * q] * ahead_written
        step = select(ahead_step != 0, ahead_step, step)
    for e in range(ahead_lines):
        entry = {TABLE} + {ENTRY} * (q * ahead_lines + e)
        state[entry] = place + e * ahead_across
        state[entry + 1] = step
        state[entry + 2] = 2 * ahead_pace + written
if asked != 0:
    entry = {TABLE} + {ENTRY} * asked * ahead_lines
    state[entry] = 0
    state[{NEXT}] = base + {8 * TABLE}
    state[{STOP}] = base + entry * 8
soon = state[{NEXT}]"""
