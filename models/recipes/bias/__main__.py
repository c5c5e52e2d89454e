"""
Makes the bias tagger that SinkLens bundles.

    python -m models.recipes.bias --data DIR --run build/bias

The data folder has `bias`, `treebank` and `text` as the card describes them. A step whose result lies in the
run folder is not done again.
"""

import argparse
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, BertForTokenClassification

from models.recipes.bias.card import tagger_card
from models.recipes.bias.corpus import read_all, read_examples, write_examples
from models.recipes.bias.evaluation import evaluate, label_thresholds, marked_texts, mean_f1
from models.recipes.bias.examples import Example
from models.recipes.bias.rows import Row, rows_of
from models.recipes.bias.training import (
    TRUNK,
    TaggerRecipe,
    calibrate,
    piece_logits,
    train,
    word_probabilities,
)
from models.recipes.english.__main__ import folder_bytes

BUNDLED = Path("models/bias/english")
N_TOKENS_MAX = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, default=Path("build/bias"))
    parser.add_argument("--to", type=Path, default=BUNDLED)
    parser.add_argument("--epochs", type=int, default=TaggerRecipe.n_epochs)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    run: Path = arguments.run
    run.mkdir(parents=True, exist_ok=True)
    if not (run / "examples.jsonl").exists():
        write_examples(read_all(arguments.data), run / "examples.jsonl")
    examples = read_examples(run / "examples.jsonl")
    tokenizer = AutoTokenizer.from_pretrained(TRUNK)
    recipe = TaggerRecipe(n_epochs=arguments.epochs)
    if not (run / "tagger").exists():
        train_tagger(examples, tokenizer, recipe, run)
    scores = export(examples, tokenizer, recipe, run, arguments.to)
    print(json.dumps(scores["test"]["categories"], indent=1))


def rows_of_split(examples: list[Example], tokenizer, split: str, *, with_anti: bool = False) -> list[Row]:
    """Return the rows of a split; anti-stereotypes only where they are asked for."""
    return [
        row
        for index, example in enumerate(examples)
        if example.split == split and (with_anti or example.kind != "anti_stereotype")
        for row in rows_of(tokenizer, example, index, N_TOKENS_MAX)
    ]


def train_tagger(examples: list[Example], tokenizer, recipe: TaggerRecipe, run: Path) -> None:
    """Train, calibrate on the dev split, and save to the run folder."""
    dev, log = rows_of_split(examples, tokenizer, "dev"), []

    def after_epoch(model, entry: dict) -> float:
        found = word_probabilities(piece_logits(model, dev, tokenizer.pad_token_id), dev)
        log.append(entry | {"dev_mean_f1": mean_f1(examples, found)})
        print(json.dumps(log[-1]), flush=True)
        return log[-1]["dev_mean_f1"]

    rows = rows_of_split(examples, tokenizer, "train")
    model = train(rows, recipe, tokenizer, after_epoch)
    fitted = calibrate(model, dev, tokenizer.pad_token_id)
    model.save_pretrained(run / "tagger")
    record = {"recipe": asdict(recipe), "n_rows": len(rows), "epochs": log, "calibration": fitted}
    (run / "training_log.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def export(examples: list[Example], tokenizer, recipe: TaggerRecipe, run: Path, folder: Path) -> dict:
    """Write the tagger in half precision, set thresholds, measure it as it lies there, write its card."""
    shutil.rmtree(folder, ignore_errors=True)
    model = BertForTokenClassification.from_pretrained(run / "tagger", dtype=torch.float32)
    model.config.hidden_dropout_prob = model.config.classifier_dropout = 0.0
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    model = BertForTokenClassification.from_pretrained(folder, dtype=torch.float32).eval()
    limits = label_thresholds(examples, found_in(examples, model, tokenizer, "dev"))
    write_json(folder / "thresholds.json", limits)
    on_test = found_in(examples, model, tokenizer, "test")
    plain = {i: values for i, values in on_test.items() if examples[i].kind != "anti_stereotype"}
    scores = {
        "n_train_texts": sum(e.split == "train" and e.kind != "anti_stereotype" for e in examples),
        "test": evaluate(examples, plain, limits),
        "marked_texts": marked_texts(examples, on_test, "stereotype", limits["B-STEREO"]),
    }
    write_json(folder / "evaluation.json", scores)
    write_json(folder / "training_log.json", json.loads((run / "training_log.json").read_text("utf-8")))
    write_card(folder)
    return scores


def write_card(folder: Path) -> None:
    """Write the card from the numbers that lie in the folder."""
    scores, log = (
        json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("evaluation", "training_log")
    )
    card = tagger_card(scores, log, folder_bytes(folder))
    (folder / "README.md").write_text(card, encoding="utf-8")


def found_in(examples: list[Example], model, tokenizer, split: str) -> dict[int, np.ndarray]:
    """Return the probabilities of every word of a split, anti-stereotypes too."""
    rows = rows_of_split(examples, tokenizer, split, with_anti=split == "test")
    return word_probabilities(piece_logits(model, rows, tokenizer.pad_token_id), rows)


def write_json(path: Path, content: dict) -> None:
    """Write numbers with four digits, which is more than they are known to."""
    rounded = json.loads(json.dumps(content), parse_float=lambda text: round(float(text), 4))
    path.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
