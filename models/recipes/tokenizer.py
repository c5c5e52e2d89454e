"""
The tokenizers of the demo models, trained on a sample of the training articles.

The two decoders share a byte-level BPE whose post-processor puts `<|bos|>` in
front of every text; the encoder has a lower-cased WordPiece with [CLS] and [SEP].
"""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

BOS_TOKEN = "<|bos|>"
PAD_TOKEN = "<|pad|>"
BERT_SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def train_byte_bpe(texts: Iterable[str], n_vocab: int) -> Tokenizer:
    """Return a byte-level BPE that adds the beginning-of-text token by default."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=n_vocab,
        special_tokens=[BOS_TOKEN, PAD_TOKEN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS_TOKEN} $A",
        pair=f"{BOS_TOKEN} $A $B",
        special_tokens=[(BOS_TOKEN, tokenizer.token_to_id(BOS_TOKEN))],
    )
    return tokenizer


def train_wordpiece(texts: Iterable[str], n_vocab: int) -> Tokenizer:
    """Return a lower-cased WordPiece that wraps a text in [CLS] and [SEP] by default."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    trainer = trainers.WordPieceTrainer(
        vocab_size=n_vocab,
        special_tokens=list(BERT_SPECIAL_TOKENS),
        limit_alphabet=300,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def as_decoder_tokenizer(tokenizer: Tokenizer, n_positions: int) -> PreTrainedTokenizerFast:
    """Return the byte-level BPE in the form that `AutoTokenizer` loads."""
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS_TOKEN,
        pad_token=PAD_TOKEN,
        model_max_length=n_positions,
    )


def as_encoder_tokenizer(tokenizer: Tokenizer, n_positions: int) -> PreTrainedTokenizerFast:
    """Return the WordPiece in the form that `AutoTokenizer` loads."""
    pad, unk, cls, sep, mask = BERT_SPECIAL_TOKENS
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=pad,
        unk_token=unk,
        cls_token=cls,
        sep_token=sep,
        mask_token=mask,
        model_max_length=n_positions,
    )
