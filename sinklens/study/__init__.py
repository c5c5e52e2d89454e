"""Many texts x many models x edits: the plan, the work piece by piece, the tables, and the report."""
