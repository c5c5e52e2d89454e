"""
Writes a trained demo model as a Hugging Face folder in half precision.

    python -m models.recipes.export demo-gpt2 --run DIR --to models/demo-gpt2

The folder is measured as it lies on disk, after the weights were rounded; its model
card is written from `evaluation.json` and `training_log.json` alone (see card.py).
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from models.recipes.architectures import RECIPES, Recipe
from models.recipes.card import model_card
from models.recipes.evaluation import evaluate_decoder
from models.recipes.masked_evaluation import evaluate_encoder
from models.recipes.tokenizer import as_decoder_tokenizer, as_encoder_tokenizer

CHECKPOINTS = ("decayed.pt", "stable.pt")  # the first that is there is exported
TOKENIZER_FORMS = {"bpe": as_decoder_tokenizer, "wordpiece": as_encoder_tokenizer}
EVALUATIONS = {"bpe": evaluate_decoder, "wordpiece": evaluate_encoder}


def newest_checkpoint(folder: Path) -> dict:
    """Return the checkpoint of a run, the decayed one where there is one."""
    for name in CHECKPOINTS:
        if (folder / name).exists():
            return torch.load(folder / name)
    raise FileNotFoundError(f"{folder} holds none of {', '.join(CHECKPOINTS)}.")


def save_weights(recipe: Recipe, weights: dict, folder: Path) -> None:
    """Write config.json and model.safetensors in half precision."""
    model = recipe.model_class._from_config(recipe.config)
    model.load_state_dict(weights)
    model.half().save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


def save_tokenizer(recipe: Recipe, tokenizer_file: Path, folder: Path) -> PreTrainedTokenizerFast:
    """Write the tokenizer files that `AutoTokenizer` loads."""
    form = TOKENIZER_FORMS[recipe.tokenizer_kind]
    tokenizer = form(Tokenizer.from_file(str(tokenizer_file)), recipe.rows.n_tokens)
    tokenizer.save_pretrained(folder)
    return tokenizer


def measure(
    recipe: Recipe, tokenizer: PreTrainedTokenizerFast, n_steps: int, data: Path, folder: Path
) -> dict:
    """Return the evaluation of the weights that lie in a model folder."""
    model = recipe.model_class.from_pretrained(
        folder, dtype=torch.float32, attn_implementation=recipe.probe_attention
    ).eval()
    train, heldout = (np.load(data / f"{name}.npy", mmap_mode="r") for name in ("train", "heldout"))
    return EVALUATIONS[recipe.tokenizer_kind](recipe, model, tokenizer, n_steps, train, heldout)


def export(recipe: Recipe, run_folder: Path, folder: Path) -> dict:
    """Write the model folder of a run, and return its measured numbers."""
    data_folder = run_folder / recipe.tokenizer_kind
    state = newest_checkpoint(run_folder / recipe.name)
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(recipe, state["model"], folder)
    tokenizer = save_tokenizer(recipe, data_folder / "tokenizer.json", folder)
    shutil.copyfile(run_folder / recipe.name / "training_log.json", folder / "training_log.json")
    numbers = measure(recipe, tokenizer, state["step"], data_folder, folder)
    (folder / "evaluation.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    log = json.loads((folder / "training_log.json").read_text(encoding="utf-8"))
    (folder / "README.md").write_text(model_card(recipe, numbers, log), encoding="utf-8")
    return numbers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("--run", type=Path, default=Path("build/recipes"))
    parser.add_argument("--to", type=Path, default=None)
    arguments = parser.parse_args()
    recipe = RECIPES[arguments.name]
    numbers = export(recipe, arguments.run, arguments.to or Path("models") / recipe.name)
    print(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    main()
