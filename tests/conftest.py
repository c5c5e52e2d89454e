"""What every test may rely on: no network, no trace outside a temporary folder, no impatient clock."""

from __future__ import annotations

import os
import tempfile

import hypothesis

# Before any test module imports transformers, which reads these once.
os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "SINKLENS_CACHE_DIR": tempfile.mkdtemp(prefix="sinklens-tests-"),
    "TOKENIZERS_PARALLELISM": "false",
}

# A busy machine is not a defect.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
