"""Runs out of SinkLens and back in: saved analyses, plain tables, what a number rests on, differences."""
