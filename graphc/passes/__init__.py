"""Rewriting graphs: rules as data, one driver, and the pipeline that a program goes through.

Enters: a Graph. Leaves: a Graph that computes the same.
"""

from graphc.passes.pipeline import PIPELINE, Step, apply, simplify, stabilise
from graphc.passes.rewrite import As, Name, Rule, Table, rewrite, table

__all__ = [
    "PIPELINE",
    "As",
    "Name",
    "Rule",
    "Step",
    "Table",
    "apply",
    "rewrite",
    "simplify",
    "stabilise",
    "table",
]
