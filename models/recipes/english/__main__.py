"""
Makes the English pipeline that SinkLens bundles.

    python -m models.recipes.english --treebank DIR --text DIR --run build/english

A step whose result lies in the run folder is not done again. Besides the packages of
requirements.txt this needs `pip install floret`.
"""

import argparse
import json
import shutil
from pathlib import Path

import spacy

from models.recipes.english.card import pipeline_card
from models.recipes.english.training import split_scores, train_pipeline
from models.recipes.english.treebank import SPLITS, write_doc_bins

BUNDLED = Path("models/language/english")


def folder_bytes(folder: Path) -> int:
    """Return the size of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def export(pipeline: Path, run: Path, folder: Path) -> dict:
    """Copy the trained pipeline, measure it as it lies there, and write its card; return the scores."""
    shutil.rmtree(folder, ignore_errors=True)
    nlp = spacy.load(pipeline)
    # Where the training files lay on one machine says nothing to others.
    nlp.config["paths"] = dict.fromkeys(nlp.config["paths"])
    nlp.config["initialize"]["vectors"] = None
    nlp.to_disk(folder)
    scores = split_scores(folder, run)
    (folder / "evaluation.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(pipeline_card(scores, folder_bytes(folder)), encoding="utf-8")
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--treebank", type=Path, required=True)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--run", type=Path, default=Path("build/english"))
    parser.add_argument("--to", type=Path, default=BUNDLED)
    arguments = parser.parse_args()
    run: Path = arguments.run
    run.mkdir(parents=True, exist_ok=True)
    if not all((run / f"{split}.spacy").exists() for split in SPLITS):
        write_doc_bins(arguments.treebank, run)
    if not (run / "vectors").exists():
        # floret is needed for this step alone.
        from models.recipes.english.vectors import train_vectors

        train_vectors(arguments.text, run)
    pipeline = run / "pipeline" / "model-best"
    if not pipeline.exists():
        pipeline = train_pipeline(run)
    print(json.dumps(export(pipeline, run, arguments.to), indent=1))


if __name__ == "__main__":
    main()
