"""
Writes the card of the bias tagger from its measured scores.
"""

from sinklens.bias_records import CATEGORY_NAMES

MAX_BYTES = 12_000_000

FRONT_MATTER = """\
---
license: cc-by-sa-4.0
language: en
library_name: transformers
pipeline_tag: token-classification
---
"""
LIMITS = """\
## Limits

- **The marks it learnt from are weak.** Only unfair wording was marked by people, word by word.
  Stereotypes are marked where StereoSet and CrowS-Pairs put a group and what is said of it; generalisations
  by a rule over grammar. The scores below say how well those marks are found, not how well bias is.
- **It does not know what is a stereotype.** It learns how sentences about groups look. What is usually
  said of a group and its opposite look the same: see the shares of marked sentences.
- **Unfair wording means insults** of the kind found in comments on news sites. Subtle slights, irony and
  quotations are beyond it, and a word that names a group can be marked for the company it kept there.
- **An unmarked text is not a fair text**, and a marked word is not proof of anything: read it.
- English only. Not for decisions about people or about what they wrote.
"""
DATA = """\
## Text and licence

- Unfair wording: SemEval-2021 toxic spans (Pavlopoulos et al., 2021), CC0, with the task's own splits.
- Stereotypes: StereoSet (Nadeem et al., 2021; split by target, so that no group of the test split was seen
  with a stereotype of StereoSet) and CrowS-Pairs (Nangia et al., 2020; split by pair), both CC BY-SA 4.0.
- Generalisations: a rule over the bundled English pipeline on all of these texts, and made-up sentences
  with harmless statements, whose groups differ by split.
- Ordinary sentences: good articles of English Wikipedia, CC BY-SA 3.0, and the English Web Treebank,
  CC BY-SA 4.0.
- Trunk: `demo-bert`, trained on Wikipedia (CC BY-SA 3.0) by the recipe beside this one. It has read the
  articles of the ordinary sentences, without any mark.

The tagger is passed on under CC BY-SA 4.0. None of the texts is part of it. Made by
`python -m models.recipes.bias`.
"""
CATEGORY_HEADS = (
    "Words of the test split",
    "Precision",
    "Recall",
    "F1",
    "F1 of marking every word",
    "ECE",
    "Threshold",
    "Marked words",
)


def category_table(scores: dict) -> str:
    """Return one row a category."""
    lines = [f"| {' | '.join(CATEGORY_HEADS)} |", "|" + "---|" * len(CATEGORY_HEADS)]
    for name, row in scores["test"]["categories"].items():
        lines.append(
            f"| {CATEGORY_NAMES[name]} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} | "
            f"{row['f1_of_marking_every_word']:.3f} | {row['ece']:.3f} | {row['threshold']:.2f} | "
            f"{row['n_words']:,} |"
        )
    return "\n".join(lines) + "\n"


def label_table(scores: dict) -> str:
    """Return one row a label."""
    lines = ["| Label | Precision | Recall | F1 | ECE | Marked words |", "|---|---|---|---|---|---|"]
    for label, row in scores["test"]["labels"].items():
        lines.append(
            f"| {label} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} | "
            f"{row['ece']:.3f} | {row['n_words']:,} |"
        )
    return "\n".join(lines) + "\n"


def source_table(scores: dict) -> str:
    """Return one row for every category and source; sources without a marked word have no F1."""
    lines = [
        "| Category | Source | Texts | Precision | Recall | F1 | Words marked |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, category in scores["test"]["categories"].items():
        for source, row in category["by_source"].items():
            has_marks = row["n_words"] > 0
            numbers = [f"{row[key]:.3f}" if has_marks else "–" for key in ("precision", "recall", "f1")]
            lines.append(
                f"| {CATEGORY_NAMES[name]} | {source} | {row['n_texts']:,} | {' | '.join(numbers)} | "
                f"{row['marked_share']:.1%} |"
            )
    return "\n".join(lines) + "\n"


def reliability_table(scores: dict) -> str:
    """Return for every label how often words of a probability are really marked."""
    lines = ["| Label | Probability | Words | Mean probability | Really marked |", "|---|---|---|---|---|"]
    for label, row in scores["test"]["labels"].items():
        for line in row["bins"]:
            lines.append(
                f"| {label} | {line['from']:.1f}–{line['to']:.1f} | {line['n_words']:,} | "
                f"{line['mean_probability']:.3f} | {line['marked_share']:.3f} |"
            )
    return "\n".join(lines) + "\n"


def marked_lines(scores: dict) -> str:
    """Return in how many sentences of StereoSet's test groups something is marked as a stereotype."""
    names = {
        "stereotype": "stereotypes",
        "anti_stereotype": "anti-stereotypes",
        "unrelated": "unrelated sentences",
    }
    shares = [f"{names[kind]} {share:.1%}" for kind, share in scores["marked_texts"].items()]
    return f"Sentences of StereoSet in which a word is marked as a stereotype: {', '.join(shares)}.\n"


def training_lines(scores: dict, log: dict) -> str:
    """Return how it was trained."""
    recipe, epochs = log["recipe"], log["epochs"]
    best = max(epochs, key=lambda epoch: epoch["dev_mean_f1"])
    return (
        f"Trained on {scores['n_train_texts']:,} texts ({log['n_rows']:,} rows) for "
        f"{recipe['n_epochs']} epochs, {epochs[-1]['minutes']:.0f} minutes of a busy processor; the "
        f"weights are those of epoch {best['epoch']} (mean F1 on the dev split {best['dev_mean_f1']:.3f}). "
        "Thresholds and calibration (Platt) were set on the dev split.\n"
    )


def tagger_card(scores: dict, log: dict, n_bytes: int) -> str:
    """Return the whole card; every number is measured, none is typed in by hand."""
    is_met = "met" if n_bytes <= MAX_BYTES else "**missed**"
    parts = (
        FRONT_MATTER,
        "# English bias tagger\n\nMarks words of a text as part of a stereotype, of a generalisation "
        "or of unfair wording:\na small BERT with the seven labels of GUS-Net, each with a sigmoid "
        "of its own.\n",
        LIMITS,
        "## Measured on texts that it has not seen\n\n" + category_table(scores),
        marked_lines(scores),
        "By source (– where a source has ordinary text only: all that is marked there is wrong):\n\n"
        + source_table(scores),
        "## Labels\n\n" + label_table(scores),
        "## Calibration\n\nExpected calibration error (ECE) over ten bins of equal width. Most words have a "
        "probability near 0,\nwhich keeps it small: the table says more.\n\n" + reliability_table(scores),
        "## Training\n\n"
        + training_lines(scores, log)
        + f"\nSize: {n_bytes / 1e6:.1f} MB, at most {MAX_BYTES / 1e6:g} asked, {is_met}.\n",
        DATA,
    )
    return "\n".join(parts)
