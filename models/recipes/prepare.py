"""
Turns the text folder into what training reads: a tokenizer and two streams of token ids.

    python -m models.recipes.prepare --text DIR --run DIR
"""

import argparse
from pathlib import Path

import numpy as np

from models.recipes.corpus import encode_stream, split_articles
from models.recipes.tokenizer import train_byte_bpe, train_wordpiece

N_VOCAB = 4096
SAMPLE_STRIDE = 6  # every sixth article trains the tokenizer
TOKENIZER_TRAINERS = {"bpe": train_byte_bpe, "wordpiece": train_wordpiece}


def prepare(text_folder: Path, out_folder: Path, kind: str) -> None:
    """Write `tokenizer.json`, `train.npy` and `heldout.npy` of one tokenizer kind."""
    out_folder.mkdir(parents=True, exist_ok=True)
    train, heldout = split_articles(text_folder)
    tokenizer = TOKENIZER_TRAINERS[kind](train[::SAMPLE_STRIDE], N_VOCAB)
    tokenizer.save(str(out_folder / "tokenizer.json"))
    for name, articles in (("heldout", heldout), ("train", train)):
        stream = encode_stream(tokenizer, articles)
        np.save(out_folder / f"{name}.npy", stream)
        print(f"{kind} {name}: {len(articles):,} articles, {len(stream):,} tokens")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, default=Path("../shared/data/text"))
    parser.add_argument("--run", type=Path, default=Path("build/recipes"))
    parser.add_argument("--kind", choices=sorted(TOKENIZER_TRAINERS), default="bpe")
    arguments = parser.parse_args()
    prepare(arguments.text, arguments.run / arguments.kind, arguments.kind)


if __name__ == "__main__":
    main()
