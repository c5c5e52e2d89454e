"""Figures on paper: the pictures of the page as SVG, PDF and PNG, drawn with matplotlib."""
