"""What a study leaves behind: the layout of its folder, and every column of its tables.

    out/
      study.json             what was asked, by which versions and seeds, over which texts (see below)
      study.yaml             the study file, as it was given
      texts.parquet          one row per text (TEXTS), shortest first
      models/<slug>.json     facts of a model (fields of ModelInfo, and "notes"), or why it did not load
      shards/<slug>-<n>/     one piece of the work: some texts with one model; complete, or absent
        runs.parquet           one row per text x condition x seed (RUNS)
        heads.parquet          one row per text x condition x seed x layer x head (HEADS)
        failures.parquet       what could not be measured, with its reason (FAILURES)
      vectors/<slug>-<n>.json  static vectors that an edit puts in place of a contribution, once computed
      progress.json          how far the last run is: the fields of `Progress`, rewritten a few times a minute
      report.html, head_cards/  written from the above, by the command or the page that was asked for them
      lock                   held by the process that writes here

A shard is written beside its place (`shards/.new-...`) and renamed, so that whoever reads `shards/*/`
never meets half of one. Shards are worked on in an order drawn at random from the study's own
seed, so that a study that is not finished is a fair sample of its texts. `StudyFolder` reads all of it.

study.json has: schema, name, study_hash, plan (the study file with every default filled in),
texts ({n, n_chars, n_repeated, sha256}), shards ({n_per_model, n_texts}), models ({name: slug}),
seeds, steps, measurements, layers, show, versions ({package: version}), made (UTC time).

Conditions. `condition` is "unedited", the name of an edit, or "<edit>: <control>". `kind` is
"unedited", "edit" or "control"; `of` is the edit that a control belongs to, the edit's own name for
an edit, "" for an unedited run. `seed` is the seed of what was drawn at random for the row (a text,
a control); null where nothing was. Heads are measured unedited and under edits, not under controls.

Numbers. Shares and rates are 0..1. NaN and null mean "not applicable". Layers, heads, positions count
from 0. Lists named `*_by_state` have L + 1 entries: the embeddings, then what leaves each block;
`*_by_layer` L entries; `*_by_position` one for each of the first positions. Columns that a study did not
ask for are null. Definitions have one home, named in the column's meaning.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from sinklens.analysis.global_metrics import GLOBAL_METRICS
from sinklens.analysis.head_metrics import HEAD_METRICS
from sinklens.analysis.sink_definitions import DEFINITIONS

SCHEMA = "sinklens/study/1"
UNEDITED, EDIT, CONTROL = "unedited", "edit", "control"


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    kind: pa.DataType
    unit: str
    meaning: str

    @property
    def field(self) -> pa.Field:
        return pa.field(self.name, self.kind, metadata={"unit": self.unit, "meaning": self.meaning})


def schema_of(columns: tuple[Column, ...]) -> pa.Schema:
    """The Parquet schema of some columns; unit and meaning travel with every field."""
    return pa.schema([column.field for column in columns])


F4, F8, I4, I8, TEXT, FLAG = pa.float32(), pa.float64(), pa.int32(), pa.int64(), pa.string(), pa.bool_()
FLOATS, WHOLES, TEXTS_LIST = pa.list_(F4), pa.list_(I4), pa.list_(TEXT)


def definition_column(key: str) -> str:
    """Where a definition of `sink_definitions` stands: "rate_0.3" is in `by_rate_0_3` and its companions."""
    return "by_" + key.replace(".", "_")


# --- texts ----------------------------------------------------------------------------------------

TEXT_COLUMNS = (
    Column("text_id", I4, "", "Number of the text; rows are in this order, shortest text first."),
    Column("hash", TEXT, "", "SHA-256 of the text in UTF-8; of its description where it is generated."),
    Column("kind", TEXT, "", '"text", "random tokens" or "repeated token".'),
    Column("category", TEXT, "", "Group that the text belongs to, the source's name by default."),
    Column("source", TEXT, "", "Where it came from: a file with line or row, a data set, or the study file."),
    Column("seed", I8, "", "Seed that a generated text was drawn with; null for given texts."),
    Column("n_chars", I8, "characters", "Length; 0 for generated tokens."),
    Column("n_copies", I4, "", "How often the text was given; it is measured once."),
    Column("n_tokens_asked", I4, "tokens", "Length of a generated text; null for given texts."),
    Column("text", TEXT, "", "The text; a description for generated tokens, which differ by tokenizer."),
)
TEXTS = schema_of(TEXT_COLUMNS)

# --- what every row of a result begins with ---------------------------------------------------------

KEY_COLUMNS = (
    Column("text_id", I4, "", "Row of texts.parquet."),
    Column("category", TEXT, "", "Category of the text."),
    Column("model", TEXT, "", "Name of the model, as the study file has it."),
    Column("condition", TEXT, "", '"unedited", an edit\'s name, or "<edit>: <control>".'),
    Column("kind", TEXT, "", '"unedited", "edit" or "control".'),
    Column("of", TEXT, "", "The edit that it belongs to; empty for an unedited run."),
    Column("seed", I8, "", "Seed of what was drawn at random for this row; null where nothing was."),
)
KEYS = tuple(column.name for column in KEY_COLUMNS)

# --- runs: text x model x condition x seed ------------------------------------------------------------


def _definition_columns() -> tuple[Column, ...]:
    columns = []
    for entry in DEFINITIONS:
        name, where = definition_column(entry.key), f"sink_definitions: {entry.name}, first token"
        columns += [
            Column(name, F8, "share", f"{where}: as published, {entry.formula}."),
            Column(f"{name}_excluded", F8, "share", f"{where}: the same without query 0."),
            Column(f"{name}_floor", F8, "share", f"{where}: uniform attention."),
            Column(f"{name}_excess", F8, "share", f"{where}: (value - floor) / (1 - floor)."),
            Column(f"{name}_is_sink", FLAG, "", f"{where}: {entry.rule}; null where too short to say."),
        ]
    return tuple(columns)


SINK = pa.struct(
    [
        ("position", I4),
        ("token", TEXT),
        ("label", TEXT),
        ("received", F4),
        ("excess", F4),
        ("write_ratio", F4),
    ]
)
RUN_COLUMNS = (
    *KEY_COLUMNS,
    # what was read
    Column("stream", TEXT, "", "Attention stream that is measured, the model's main one."),
    Column("n_tokens", I4, "tokens", "Tokens read, special ones included."),
    Column("n_tokens_total", I4, "tokens", "Tokens of the whole text; more than n_tokens where it was cut."),
    Column("bos_added", FLAG, "", "A BOS or [CLS] that is not in the text stands at position 0."),
    Column("tokens", TEXTS_LIST, "", "Labels of the tokens read; unedited rows only."),
    # loss (measurement "loss", and all rows of edits and controls)
    Column("loss", F8, "nats", "Mean loss per predicted token under this condition."),
    Column("n_predicted", I4, "tokens", "Tokens that the loss is a mean over."),
    # first_token
    *_definition_columns(),
    # aggregates: shares.explorer_numbers, shares.sink_rate, run_summary
    Column("strength", F8, "share", "Part of all attention on token 0 (explorer_numbers)."),
    Column("percent", F8, "%", "100 x mean attention to token 0, all queries (explorer_numbers)."),
    Column("max_head_percent", F8, "%", "The head with the largest such mean (explorer_numbers)."),
    Column("ratio", F8, "times", "Token 0 over the mean of the others (explorer_numbers)."),
    Column("first_layers_percent", F8, "%", "Mean of the first three layers (explorer_numbers)."),
    Column("last_layers_percent", F8, "%", "Mean of the last three layers (explorer_numbers)."),
    Column("progression", F8, "points", "Last three minus first three layers (explorer_numbers)."),
    Column("first_share", F8, "share", "First-token share, query 0 left out, mean over heads (run_summary)."),
    Column("first_floor", F8, "share", "The same for uniform attention (run_summary)."),
    Column("first_excess", F8, "share", "(first_share - first_floor) / (1 - first_floor) (run_summary)."),
    Column("rate_is_reliable", FLAG, "", "Is the text long enough for a sink rate (shares.sink_rate)?"),
    Column("entropy", F8, "share", "Mean over heads of focus: 0 one key per query, 1 uniform."),
    # global metrics that can be read from a profile or averaged maps
    *(
        Column(f"global_{key}", F8, entry.unit, f"{entry.name} of the averaged map (global_metrics).")
        for key, entry in GLOBAL_METRICS.items()
    ),
    # position_profile
    Column("received_by_position", FLOATS, "share", "Mean over heads, eligible (position_profile.received)."),
    Column("floor_by_position", FLOATS, "share", "The same for uniform attention."),
    Column("strongest_by_position", FLOATS, "share", "The largest value of any head."),
    Column("sink_positions", WHOLES, "", "position_profile.sink_set: above max(0.1, 3 x floor)."),
    Column("sinks", pa.list_(SINK), "", "Tokens that sink_table does not call ordinary, with their label."),
    # massive
    Column("first_norm_by_state", FLOATS, "", "Norm of token 0's hidden state."),
    Column("other_norm_by_state", FLOATS, "", "Mean norm of the other tokens' hidden states."),
    Column("largest_by_state", FLOATS, "", "Largest magnitude (massive_spans.largest_by_state)."),
    Column("median_by_state", FLOATS, "", "Median magnitude (massive_spans.largest_by_state)."),
    Column("n_massive", I4, "", "Massive activations, absolute definition (residual_metrics)."),
    Column("n_massive_relative", I4, "", "The same, relative definition for small models."),
    Column("largest_ratio", F8, "times", "Largest magnitude over its state's median (largest_ratio)."),
    Column("largest_ratio_state", I4, "", "The state where it is."),
    Column("largest_ratio_token", I4, "", "The position where it is."),
    Column("largest_ratio_dimension", I4, "", "Its dimension."),
    # writes
    Column("attention_write_by_layer", FLOATS, "", "Mean norm of what attention writes to the stream."),
    Column("mlp_write_by_layer", FLOATS, "", "Mean norm of what the MLP writes."),
    Column("first_attention_write_by_layer", FLOATS, "", "Norm of what attention writes at token 0."),
    Column("first_mlp_write_by_layer", FLOATS, "", "Norm of what the MLP writes at token 0."),
    # geometry: sink_geometry.geometry of this text's sinks
    Column("sink_cosine_by_layer", FLOATS, "-1..1", "Mean cosine of the sinks' contribution with its mean."),
    Column("sink_variance_by_layer", FLOATS, "", "Relative variance of the contribution."),
    Column("sink_bias_ratio_by_layer", FLOATS, "times", "Norm of its mean over what the rest writes."),
    Column("sink_norm_by_layer", FLOATS, "", "Mean norm of the contribution."),
    Column("rest_norm_by_layer", FLOATS, "", "Mean norm of what all other keys contribute."),
    # edits and controls: effects.ArmEffect
    Column("loss_before", F8, "nats", "Mean loss of the same predicted tokens without the edit."),
    Column("loss_change", F8, "nats", "loss - loss_before; positive is worse (ArmEffect.loss_change)."),
    Column("kl", F8, "nats", "Mean KL(before || after) of the predictions."),
    Column("top_changed", F8, "share", "Predicted tokens whose likeliest guess is another one."),
    Column("top_overlap", F8, "share", "Mean share of the ten likeliest guesses that stay among the ten."),
    Column("turned_by_layer", FLOATS, "", "1 - cosine of the states with themselves before the edit, mean."),
    Column("stretched_by_layer", FLOATS, "times", "Norm of the states over that before the edit, mean."),
)
RUNS = schema_of(RUN_COLUMNS)

# --- heads: text x model x condition x seed x layer x head --------------------------------------------

HEAD_COLUMNS = (
    *KEY_COLUMNS,
    Column("layer", I4, "", "Layer, from 0."),
    Column("head", I4, "", "Head, from 0."),
    *(
        Column(key, F4, entry.unit, f"{entry.name}: {entry.formula} (head_metrics).")
        for key, entry in HEAD_METRICS.items()
    ),
    Column("first_token_raw", F4, "share", "Raw mean over all queries on token 0 (received, raw)."),
    Column("first_token_tail", F4, "share", "Mean over the last 64 queries on token 0 (received, tail)."),
    Column("first_token_last", F4, "share", "The last query on token 0 (received, last)."),
    Column("first_token_floor", F4, "share", "Floor of first_token_share: uniform attention."),
    Column("first_key_ratio", F4, "times", "‖k_0‖ over the mean of the other tokens (ratio_to_others)."),
    Column("first_value_ratio", F4, "times", "‖v_0‖ over the mean of the other tokens."),
    Column("first_write_ratio", F4, "times", "‖v_0 W_O‖ over the mean of the other tokens."),
    # head_types
    Column("type", TEXT, "", "Kind of head in this text (head_types)."),
    Column("type_confidence", TEXT, "", '"clear", "weak" or "".'),
    Column("type_score", F4, "share", "Excess of the pattern that names the type over its floor."),
    Column("sink_share", F4, "share", "Mean weight on the sinks of this text."),
    Column("rest_entropy", F4, "share", "Entropy outside the sinks as a part of the largest possible."),
    Column("dormant", FLAG, "", "Rests on sinks and writes little (head_types)."),
    # excerpts
    Column("peak_query", I4, "", "Query (not 0) whose head output ‖Σ A v‖ is largest in this text."),
    Column("peak_key", I4, "", "Key other than 0 with its largest weight; null for a query that sees none."),
    Column("peak_norm", F4, "", "That output's norm: how strongly the head is active in this text."),
    Column("peak_weight", F4, "share", "Weight of the peak query on the peak key."),
)
HEADS = schema_of(HEAD_COLUMNS)

# --- failures -----------------------------------------------------------------------------------------

FAILURE_COLUMNS = (
    *KEY_COLUMNS,
    Column("stage", TEXT, "", '"model" (did not load), "text" (not read), "measure" or "intervene".'),
    Column("measurement", TEXT, "", "Which measurement; empty where all are meant."),
    Column("reason", TEXT, "", "A sentence."),
)
FAILURES = schema_of(FAILURE_COLUMNS)

TABLES = {"runs": RUNS, "heads": HEADS, "failures": FAILURES}
"""The tables of a shard."""


@dataclass(frozen=True)
class Progress:
    """How far a study is. Work is counted in tokens times passes, because texts differ in length."""

    state: str
    """"reading", "running", "done", "stopped" or "failed"."""
    n_texts_done: int
    """Text x model pairs."""
    n_texts: int
    work_done: float
    """Tokens times forward passes, those of shards found on disk included."""
    work: float
    """Estimated from characters where a text has not been tokenised yet."""
    tokens_per_s: float | None
    """Of this run; None before anything was measured."""
    eta_s: float | None
    """Seconds left at that rate; None before anything was measured."""
    n_failures: int
    model: str = ""
    message: str = ""

    @property
    def fraction(self) -> float:
        return self.work_done / self.work if self.work else 0.0
