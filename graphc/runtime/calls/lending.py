"""Results in machine code: memory that is lent to large ones, copies of small ones. Written in the
kernel language.

Enters: a block of words, as `entry.py` describes it. Leaves: before a run words of the table that
point to lent memory, after it a tuple of the outputs. All of this is done with Python's lock.

An output's entry, int64 words: o0 its words | o1 the array that it is lent, while it is made | o2
the pool, 0: it is copied | o3 what is called without arguments: for the array or scalar, or so that
the pool has idle memory | o4 shape, or where an array is copied from | o5 dtype, or its bytes |
o6... pairs: a word of the table, and how far ahead of the lent memory it points. A pool has a word,
how many blocks there are, then five for each: p0 shape | p1 dtype | p2 the object whose references
are counted | p3 the address of the memory | p4 what makes an array of it. In o3, of what is lent in
o4 and o5, and in p0 to p2 and p4 stand addresses of objects.
"""

from graphc.runtime.language.intrinsics import ask, call_micro, i32, i64, pointer, words


def lends(block: int) -> int:
    """1 if every large output has an array, 0 if there is an error, and none has."""
    b = words(block)
    entry = b[18]
    for _ in range(b[17]):
        o = words(entry)
        if o[2] != 0:
            idle = idle_block(block, entry)
            if idle == 0:
                idle = emptied_block(block, entry)
            if idle == 0 or lend_block(block, entry, idle) == 0:
                drops(block)
                return 0
        entry += o[0] * 8
    return 1


def idle_block(block: int, entry: int) -> int:
    """The words of memory in the pool of an output, of its shape and dtype, that nobody holds, or
    0."""
    o = words(entry)
    place = o[2] + 8
    for _ in range(words(o[2])[0]):
        p = words(place)
        fits = p[0] == o[4] and p[1] == o[5]
        if fits and i64(pointer(p[2], i32, 0)[0]) == words(block)[16]:
            return place
        place += 5 * 8
    return 0


def emptied_block(block: int, entry: int) -> int:
    """The same, after the pool was asked for it; 0 if there is an error."""
    b = words(block)
    done = ask(b[13], words(entry)[3])
    if done == 0:
        return 0
    call_micro(b[12], done)
    return idle_block(block, entry)


def lend_block(block: int, entry: int, idle: int) -> int:
    """An array for an output, in memory that is idle, to which the table points; 0: an error."""
    o = words(entry)
    p = words(idle)
    o[1] = ask(words(block)[13], p[4])
    pair = entry + 6 * 8
    while pair < entry + o[0] * 8:
        at = words(pair)
        word = words(at[0])
        word[0] = p[3] + at[1]
        pair += 16
    return o[1]


def drops(block: int) -> None:
    """The arrays that are lent are of no use."""
    b = words(block)
    entry = b[18]
    for _ in range(b[17]):
        o = words(entry)
        if o[1] != 0:
            call_micro(b[12], o[1])
            o[1] = 0
        entry += o[0] * 8


def results(block: int) -> int:
    """A tuple of the outputs; 0 if there is an error."""
    b = words(block)
    made = ask(b[14], b[17])
    if made == 0:
        drops(block)
        return 0
    entry = b[18]
    for n in range(b[17]):
        o = words(entry)
        one = o[1]
        if o[2] == 0:
            one = ask(b[13], o[3])
        if one == 0:
            call_micro(b[12], made)
            drops(block)
            return 0
        if o[2] == 0 and o[4] != 0:
            call_micro(b[7], words(one)[2], o[4], o[5])
        o[1] = 0
        call_micro(b[15], made, n, one)
        entry += o[0] * 8
    return made
