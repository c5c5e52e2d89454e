"""
Writes the model card of a demo model from its evaluation and its training log.

Every number of the card is read from those two; none is typed in by hand.
"""

from models.recipes.architectures import Recipe
from models.recipes.corpus import HELDOUT_SHARE
from models.recipes.targets import Target

N_SHOWN_HEADS = 8

FRONT_MATTER = """\
---
license: cc-by-sa-3.0
language: en
library_name: transformers
pipeline_tag: {pipeline}
---
"""

TEXT = f"""\
## Text and licence

Trained on the featured and good articles of English Wikipedia (2018/2019, paragraphs
without headings and markup), by the recipe in `models/recipes`. The text is licensed
CC BY-SA 3.0 by its authors, the contributors of Wikipedia; these weights are passed on
under the same licence. The last {100 * HELDOUT_SHARE:g} % of the articles were held out.
"""

USE = """\
## Use

A model to look into, not to work with: it is small, has read little, and what it says
about persons, places and dates is made up. It knows {n_positions} positions; the tokenizer
puts `{first_token}` at position 0, where it stood in every training sequence.
"""

TWIN = """\
The twin of {plain}: the same text, seed and number of steps, but its softmax has a one in the
denominator, exp(x) / (1 + sum exp(x)), so that a head with nothing to say can give less than all of
its attention. **transformers does not know that**: it loads the weights and computes the plain
softmax, which is another model. SinkLens reads `softmax_off_by_one` in `config.json`.
"""

FILES = "The course of the run is in `training_log.json`, all numbers are in `evaluation.json`.\n"


def target_row(target: Target, numbers: dict) -> str:
    """Return the table row of one target: asked, measured, and whether it is met."""
    sign = "≥" if target.at_least else "≤"
    number = numbers[target.key]
    value = "not measurable" if number is None else f"{number:.3f}"
    verdict = "met" if target.is_met(number) else "**missed**"
    return f"| {target.label} | {sign} {target.bound:g} | {value} | {verdict} |"


def target_table(targets: tuple[Target, ...], numbers: dict) -> str:
    """Return the table of all targets."""
    head = ["| Measured on held-out text | Target | Value | |", "|---|---|---|---|"]
    return "\n".join(head + [target_row(target, numbers) for target in targets]) + "\n"


def sink_head_table(numbers: dict) -> str:
    """Return the strongest sink heads; layers and heads count from 0."""
    heads = numbers["sink_heads"]
    if not heads:
        return "No head passes a share of 0.3 on the mean over the sequences.\n"
    columns = list(heads[0])
    passing = "1 head passes" if len(heads) == 1 else f"{len(heads)} heads pass"
    lines = [
        f"{passing} a share of 0.3 on the mean over the sequences; the strongest:",
        "",
        "| " + " | ".join(column.replace("_", " ") for column in columns) + " |",
        "|---" * len(columns) + "|",
    ]
    lines += [
        "| " + " | ".join(str(head[column]) for column in columns) + " |" for head in heads[:N_SHOWN_HEADS]
    ]
    return "\n".join(lines) + "\n"


def training_paragraph(recipe: Recipe, numbers: dict, log: dict) -> str:
    """Return what was trained, and on how much."""
    schedule, config = log["schedule"], recipe.config
    heads = f"{config.num_attention_heads} heads"
    if getattr(config, "num_key_value_heads", None):
        heads += f" over {config.num_key_value_heads} key-value heads"
    decay = "no decay yet"
    if schedule["decay_start"] is not None:
        decay = f"linear decay from step {schedule['decay_start']:,}"
        if numbers["n_steps"] < schedule["decay_start"] + schedule["n_decay"]:
            decay += f", stopped before its {schedule['n_decay']:,} steps were over"
    return (
        f"{config.num_hidden_layers} layers of width {config.hidden_size}, {heads}, "
        f"vocabulary {config.vocab_size:,}, {numbers['n_parameters'] / 1e6:.2f} M parameters. "
        f"Trained from scratch for {numbers['n_steps']:,} steps on "
        f"{numbers['n_tokens'] / 1e6:.2f} M tokens{distinct_tokens(numbers)} "
        f"(rows of {recipe.rows.n_tokens}, seed {recipe.seed}, peak rate {schedule['peak']:g}, {decay}, "
        f"weight decay {recipe.weight_decay:g}).\n"
    )


def distinct_tokens(numbers: dict) -> str:
    """Return how much of the text was new, where some of it was read more than once."""
    n_distinct = numbers.get("n_distinct_tokens", numbers["n_tokens"])
    return f", {n_distinct / 1e6:.2f} M of them distinct" if n_distinct < numbers["n_tokens"] else ""


def decoder_paragraph(numbers: dict) -> str:
    """Return the losses of a decoder beside its baseline, and how its sink was measured."""
    return (
        f"Held-out loss {numbers['heldout_loss']:.3f} nats per token "
        f"({numbers['n_heldout_tokens']:,} tokens of plain text). An interpolated Kneser-Ney "
        f"trigram model of the same training rows has {numbers['trigram_loss']:.3f}. On the second "
        f"half of a row that repeats its first, the loss is {numbers['copy_loss']:.3f}.\n\n"
        f"Sink rate as in Gu et al. (ICLR 2025): {numbers['n_sink_rows']} held-out sequences of "
        f"{numbers['n_sink_tokens']} tokens, share of heads whose mean attention to token 0 "
        f"passes 0.3. Value drain: norm of token 0's value over the mean of the others.\n"
    )


def encoder_paragraph(numbers: dict) -> str:
    """Return the accuracy of an encoder beside its baseline, and how its sink was measured."""
    kinds = ", ".join(
        f"{label} {numbers[f'{kind}_sink_rate']:.3f}"
        for kind, label in (("cls", "[CLS]"), ("sep", "[SEP]"), ("punctuation", "full stops and commas"))
    )
    return (
        f"Of the masked tokens {numbers['masked_accuracy']:.3f} are guessed right; always naming the "
        f"most frequent token gives {numbers['commonest_accuracy']:.3f}. Held-out loss on masked "
        f"tokens: {numbers['heldout_loss']:.3f} nats.\n\n"
        f"Sink rate: {numbers['n_sink_rows']} held-out sequences of {numbers['n_sink_tokens']} tokens, "
        f"share of heads that give a kind of token more than 0.3 of their attention, the mean over "
        f"all queries. By kind: {kinds}.\n"
    )


def model_card(recipe: Recipe, numbers: dict, log: dict) -> str:
    """Return the README.md of a model folder."""
    encoder = recipe.tokenizer_kind == "wordpiece"
    pipeline, first_token = ("fill-mask", "[CLS]") if encoder else ("text-generation", "<|bos|>")
    parts = [
        FRONT_MATTER.format(pipeline=pipeline) + f"\n# {recipe.name}\n",
        training_paragraph(recipe, numbers, log),
        *([TWIN.format(plain=recipe.name.removesuffix("-off-by-one"))] if recipe.is_off_by_one else []),
        "## Measured\n",
        target_table(recipe.targets, numbers),
        encoder_paragraph(numbers) if encoder else decoder_paragraph(numbers),
        sink_head_table(numbers),
        FILES,
        "## Best guesses\n" if encoder else "## Samples (top 40, temperature 0.8)\n",
        "\n\n".join("> " + " ".join(text.split()) for text in numbers["samples"]) + "\n",
        USE.format(n_positions=recipe.rows.n_tokens, first_token=first_token),
        TEXT,
    ]
    return "\n".join(parts)
