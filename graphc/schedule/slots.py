"""What stands where in the state of a part: int64 words at the start of its scratch.

The kernel of a contraction writes what it wants done, `block_sums` what it has done; between blocks
it is all that either remembers.
"""

from graphc.schedule.contraction_prefetch import ENTRY, MOST_ARRAYS, MOST_ENTRIES
from graphc.schedule.tiles import LINE

MOST_OUTER = 64  # outer loops

STATE = ("i0", "j0", "m", "n", "pitch")  # int64: first row and column, how many, the row stride
PACKED = len(STATE)  # for which blocks B is packed
FIRST = PACKED + 1  # the first block of the part that asks
TARGET = FIRST + 1  # where sums are stored that no epilogue changes, 0: nowhere
LINES = TARGET + 2  # how many steps of the last outer loop the block has
OUTER = LINES + 1  # the outer loops' indices
STRIDES = OUTER + MOST_OUTER  # their steps in the target
LAST = STRIDES + MOST_OUTER  # behind the part's last block
NEXT = LAST + 1  # addresses in the table: of the entry for the next tile, of the one that ends it
STOP = NEXT + 1
ARRAYS = STOP + 1  # how many arrays the epilogue reads
ARRAY = 3  # words of each: address, step from row to row, whether it is written too
TABLE = ARRAYS + 1 + ARRAY * MOST_ARRAYS  # of entries for tiles: which lines to ask for beside them
WORDS = TABLE + ENTRY * (MOST_ENTRIES + 1)
STATE_BYTES = -(-8 * WORDS // LINE) * LINE
