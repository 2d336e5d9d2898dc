"""The names that stand for operands in the tables of rules.

Enters: nothing. Leaves: `Name`s, which bind what they meet: `Rule((neg, (neg, x)), lambda x: x)`.
"""

from graphc.passes.rewrite import Name

a: Name = Name("a")
b: Name = Name("b")
c: Name = Name("c")
e: Name = Name("e")
s: Name = Name("s")
x: Name = Name("x")
y: Name = Name("y")
z: Name = Name("z")
