"""Bias in texts and models: detectors, attention on what they mark, faithfulness, contrast pairs, scores."""
