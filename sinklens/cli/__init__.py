"""The command line: the library's analyses for scripts and terminals."""

from sinklens.cli.program import main

__all__ = ["main"]
