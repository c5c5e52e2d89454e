"""What the attention streams of a model are called on screen."""

STREAM_NAMES = {
    "self": "Self-attention",
    "encoder": "Encoder",
    "decoder": "Decoder",
    "cross": "Cross-attention",
}
