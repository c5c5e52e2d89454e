"""The command that says how to cite SinkLens and what its methods come from."""

from __future__ import annotations

from sinklens.cli.output import Output, write


def cite(output: Output = None) -> None:
    """BibTeX entries of SinkLens and of the papers its methods come from."""
    from sinklens.export.references import bibtex

    write(bibtex(), output)
