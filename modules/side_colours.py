"""The colours of the two sides of a comparison, as the theme defines them."""

SIDE_COLOURS = {"A": "var(--sl-side-a)", "B": "var(--sl-side-b)"}
