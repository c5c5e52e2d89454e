"""
The demo models as data: their configurations, their rows and their optimiser settings.
"""

from copy import deepcopy
from dataclasses import dataclass, field, replace

from transformers import (
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
)

from models.recipes import attention
from models.recipes.masked_rows import MaskedRowPlan
from models.recipes.positions import PositionStart
from models.recipes.repeats import RepeatPlan
from models.recipes.sampler import RowPlan
from models.recipes.schedule import Schedule
from models.recipes.targets import DECODER_TARGETS, ENCODER_TARGETS, TWIN_TARGETS, Target

N_VOCAB = 4096
N_POSITIONS = 256

GPT2 = GPT2Config(
    vocab_size=N_VOCAB,
    n_positions=N_POSITIONS,
    n_embd=192,
    n_layer=6,
    n_head=12,
    activation_function="gelu_pytorch_tanh",
    resid_pdrop=0.0,
    embd_pdrop=0.0,
    attn_pdrop=0.0,
    bos_token_id=0,
    eos_token_id=None,
    pad_token_id=1,
)
GPT2_OFF_BY_ONE = deepcopy(GPT2)
GPT2_OFF_BY_ONE.softmax_off_by_one = True  # read by the capture engine; transformers ignores it
LLAMA = LlamaConfig(
    vocab_size=N_VOCAB,
    max_position_embeddings=N_POSITIONS,
    hidden_size=192,
    intermediate_size=512,
    num_hidden_layers=6,
    num_attention_heads=12,
    num_key_value_heads=4,
    tie_word_embeddings=True,
    bos_token_id=0,
    eos_token_id=None,
    pad_token_id=1,
)
BERT = BertConfig(
    vocab_size=N_VOCAB,
    max_position_embeddings=128,
    hidden_size=192,
    num_hidden_layers=4,
    num_attention_heads=6,
    intermediate_size=768,
    hidden_act="gelu_pytorch_tanh",
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    pad_token_id=0,
)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run besides the text."""

    name: str
    model_class: type[PreTrainedModel]
    config: PretrainedConfig
    tokenizer_kind: str  # "bpe" or "wordpiece"
    seed: int
    rows: RowPlan | MaskedRowPlan = field(default_factory=RowPlan)
    schedule: Schedule = field(default_factory=Schedule)
    weight_decay: float = 0.5  # of matrices
    betas: tuple[float, float] = (0.9, 0.95)
    # Parts of the names of matrices that Muon updates, each with the matrices joined in it.
    muon_parts: dict[str, int] = field(default_factory=dict)
    muon_weight_decay: float = 0.25
    max_gradient_norm: float = 1.0
    position_start: PositionStart | None = None  # learned positions that begin as sinusoids

    @property
    def is_off_by_one(self) -> bool:
        """Return whether the attention of this model may leave a row empty; see attention.py."""
        return getattr(self.config, "softmax_off_by_one", False)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Return what the model is held to."""
        if self.tokenizer_kind == "wordpiece":
            return ENCODER_TARGETS
        return TWIN_TARGETS if self.is_off_by_one else DECODER_TARGETS

    @property
    def attention(self) -> str:
        """Return the name of the attention function of training; see attention.py."""
        if self.tokenizer_kind == "wordpiece":
            return "sdpa"
        return attention.OFF_BY_ONE if self.is_off_by_one else attention.PLAIN

    @property
    def probe_attention(self) -> str:
        """Return the name of the attention function that returns its weights, for measuring."""
        return attention.OFF_BY_ONE_WEIGHTS if self.is_off_by_one else "eager"


DEMO_GPT2 = Recipe(
    "demo-gpt2",
    GPT2LMHeadModel,
    GPT2,
    "bpe",
    seed=1,
    rows=RowPlan(
        n_rows=16,
        n_distinct_rows=3272 * 16,
        repeats=RepeatPlan(((0, 0.5), (1000, 0.7), (1700, 0.2), (3272, 0.05))),
    ),
    schedule=Schedule(peak=2e-3, decay_start=4347, n_decay=1500),
    muon_parts={"c_attn": 3, "attn.c_proj": 1, "c_fc": 1},
    position_start=PositionStart("transformer.wpe"),
)
RECIPES = {
    recipe.name: recipe
    for recipe in (
        DEMO_GPT2,
        replace(DEMO_GPT2, name="demo-gpt2-off-by-one", config=GPT2_OFF_BY_ONE),
        Recipe(
            "demo-llama",
            LlamaForCausalLM,
            LLAMA,
            "bpe",
            seed=2,
            rows=RowPlan(
                n_rows=16,
                n_distinct_rows=4864 * 16,
                repeats=RepeatPlan(((0, 0.5), (1200, 0.25), (1800, 0.12), (4864, 0.05))),
            ),
            schedule=Schedule(decay_start=4865, n_decay=1800),
            muon_parts={"self_attn": 1, "gate_proj": 1, "up_proj": 1},
        ),
        Recipe(
            "demo-bert",
            BertForMaskedLM,
            BERT,
            "wordpiece",
            seed=3,
            rows=MaskedRowPlan(
                length_stages=((0, 16), (600, 32), (1200, 64), (1800, 128)),
                repeats=RepeatPlan(((0, 0.0), (2286, 0.5), (4214, 0.15))),
            ),
            schedule=Schedule(peak=2e-3, decay_start=4215, n_decay=1600),
            muon_parts={"attention": 1, "intermediate": 1},
            position_start=PositionStart("bert.embeddings.position_embeddings", rms=0.1),
        ),
    )
}
