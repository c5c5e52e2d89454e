"""What tests look at in a figure."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from sinklens.figures.paper import MM_PER_INCH, Paper
from sinklens.figures.studio import Box, figure_file

SVG = "{http://www.w3.org/2000/svg}"


def on_sheet(drawing, width_mm=160.0) -> Figure:
    """The drawing alone on a sheet of its own height."""
    height = drawing.height_mm(width_mm)
    sheet = Figure(figsize=(width_mm / MM_PER_INCH, height / MM_PER_INCH))
    drawing.draw(sheet, Box(0, 0, width_mm, height))
    return sheet


def svg_of(drawing, caption=(), **size) -> ET.Element:
    return ET.fromstring(figure_file(drawing, Paper("svg", **size), caption).content)


def texts_of(svg: ET.Element) -> list[str]:
    return ["".join(node.itertext()) for node in svg.iter(f"{SVG}text")]


def fills_of(svg: ET.Element) -> list[str]:
    """Fill colours of all paths in the order in which they are drawn."""
    styles = [node.get("style", "") for node in svg.iter(f"{SVG}path")]
    return [found[1] for style in styles if (found := re.search(r"fill: (#[0-9a-f]{6})", style))]


def pixels_of(drawing, **size) -> np.ndarray:
    """(height, width, 3)"""
    content = figure_file(drawing, Paper("png", **size)).content
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
