"""Drawings of graphs as SVG, without a plotting library."""

from graphc.viz.draw import draw
from graphc.viz.drawing import Drawing

__all__ = ["Drawing", "draw"]
