"""Drawings of graphs as SVG, without a plotting library; plots of profiles, with matplotlib."""

from graphc.refusals import explain_refusals
from graphc.viz.draw import draw
from graphc.viz.drawing import Drawing
from graphc.viz.roofline import Plot, roofline

__all__ = ["Drawing", "Plot", "draw", "roofline"]
explain_refusals(__name__)
