"""What a number rests on: model, revision, text and versions, as facts and as one caption line."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from sinklens.results import Capture
from sinklens.version import VERSION

PACKAGES = ("numpy", "torch", "transformers", "tokenizers")


@dataclass(frozen=True)
class Provenance:
    """Everything that another person needs to make the same run."""

    sinklens: str
    """Version of SinkLens."""
    model: str
    revision: str
    """Fingerprint of the weights, or hub commit."""
    dtype: str
    device: str
    text_sha256: str
    """Of the text in UTF-8."""
    tokens_sha256: str
    """Of the token ids, as decimal numbers with commas between."""
    n_tokens: int
    bos_added: bool
    edits: tuple[str, ...]
    """Every edit of the pass in words."""
    packages: dict[str, str]
    """Versions of the packages that computed it; empty for attention that came from a file."""

    def caption(self) -> str:
        """One line for below a figure or a table."""
        edits = f", {'; '.join(self.edits)}" if self.edits else ""
        return (
            f"{model_in_words(self.model, self.revision)}, {self.n_tokens} tokens, "
            f"{text_in_words(self.text_sha256)}{edits}, SinkLens {self.sinklens}"
        )


def model_in_words(name: str, revision: str) -> str:
    """A model, as captions name it."""
    return f"{name} (revision {revision})"


def text_in_words(sha256: str) -> str:
    """A text, as captions name it."""
    return f"text {sha256[:12]}"


def provenance_of(capture: Capture) -> Provenance:
    """The facts of a run that has just been computed by this process."""
    is_computed = capture.model.source != "file"
    return Provenance(
        sinklens=VERSION,
        model=capture.model.name,
        revision=capture.model.revision,
        dtype=capture.model.dtype,
        device=capture.model.device,
        text_sha256=sha256_of(capture.prompt.text),
        tokens_sha256=sha256_of(",".join(map(str, capture.prompt.ids))),
        n_tokens=len(capture.prompt),
        bos_added=capture.prompt.bos_added,
        edits=tuple(edit.sentence() for edit in capture.request.interventions),
        packages=_versions() if is_computed else {},
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # A part of SinkLens that needs no model can be installed without them.
    return found


def sha256_of(text: str) -> str:
    """Of a text in UTF-8, as hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
