"""The engine with everything about bias: methods that take and give records, as those of `Engine`.

Detectors are kept apart from models. Calls for one detector, or one model, must not overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sinklens.analysis.bias_ratio import UnitMass
from sinklens.attribution_records import TARGETS, AttributionTarget
from sinklens.bias.attention_mass import TextUnits, attention_mass, text_units
from sinklens.bias.edited_scores import Edits, score_items_under
from sinklens.bias.faithfulness import faithfulness_report
from sinklens.bias.scored_text import ScoredText, score_bias, score_loss, score_prediction
from sinklens.bias.sentence_score import Key, score_items
from sinklens.bias.token_classifier import TokenClassifier, find_detector, load_classifier
from sinklens.bias_records import BiasReading, DetectorInfo, LabelMap, worker_of
from sinklens.capture.engine import Engine
from sinklens.contrast_records import ContrastItem, ItemScore, LeftOut
from sinklens.errors import BadSelection, NotCaptured
from sinklens.faithfulness_records import FaithfulnessReport
from sinklens.interventions import Intervention
from sinklens.results import Capture
from sinklens.settings import Settings

OnProgress = Callable[[float, str], None]


class BiasEngine(Engine):
    """An engine that also holds bias detectors."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self._detectors: dict[tuple[str, LabelMap], TokenClassifier] = {}

    def detector(self, name: str, label_map: LabelMap = ()) -> TokenClassifier:
        """The loaded detector, read at the first call; errors as in `find_detector` and `load_classifier`."""
        key = (name, label_map)
        if key not in self._detectors:
            mapped: Mapping[str, str] | None = dict(label_map) or None
            self._detectors[key] = load_classifier(find_detector(name, self._settings), label_map=mapped)
        return self._detectors[key]

    def detector_info(self, name: str, label_map: LabelMap = ()) -> DetectorInfo:
        """Facts of a detector; loads it."""
        return self.detector(name, label_map).info

    def loaded(self) -> dict[str, int]:
        """Models and detectors in memory with the bytes of their weights; detectors by `worker_of`."""
        sizes = super().loaded()
        for (name, _), detector in list(self._detectors.items()):
            sizes[worker_of(name)] = sizes.get(worker_of(name), 0) + detector.n_bytes
        return sizes

    def release(self, name: str) -> None:
        """Drop a model, or a detector by `worker_of` under all of its label maps, from memory."""
        super().release(name)
        for key in [key for key in self._detectors if worker_of(key[0]) == name]:
            del self._detectors[key]

    def bias_reading(
        self,
        text: str,
        detector: str,
        label_map: LabelMap = (),
        on_progress: OnProgress = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> BiasReading:
        """The probabilities of a detector for every word of a text; errors as in `TokenClassifier.read`."""
        return self.detector(detector, label_map).read(text, on_progress, is_cancelled)

    def attention_on_words(
        self, capture: Capture, reading: BiasReading, stream: str | None = None, *, specials: str = "excluded"
    ) -> tuple[TextUnits, UnitMass]:
        """What every head gives to every word, from what the capture kept; errors as in `attention_mass`."""
        units = text_units(capture.key_prompt(stream), reading)
        return units, attention_mass(capture, units, stream, specials=specials)

    def faithfulness(
        self,
        capture: Capture,
        target: AttributionTarget,
        *,
        baseline: str = "pad",
        detector: str = "",
        label_map: LabelMap = (),
        on_progress: OnProgress = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> FaithfulnessReport:
        """All attributions of one number: of the capture's model, or of a detector for the target "bias".

        Norm-weighted rollout is part of it where the model gives norms.

        Raises
        ------
        BadSelection
            An unknown target, or a capture with edits, which attributions do not follow.
        NotCaptured, TextTooLong, RunCancelled
        """
        if capture.request.interventions:
            raise BadSelection("Attributions are of the model as it is: choose a run without edits.")
        scored, labels = self._scored(capture, target, detector, label_map)
        norms = None
        if target.kind != "bias":
            norms = self._norms_or_none(capture, masked=scored.mask_id is not None)
        return faithfulness_report(
            scored,
            labels,
            baseline=baseline,
            norm_maps=norms,
            on_progress=on_progress,
            is_cancelled=is_cancelled,
        )

    def item_scores(
        self,
        model: str,
        items: Sequence[ContrastItem],
        known: Mapping[Key, ItemScore] | None = None,
        interventions: tuple[Intervention, ...] = (),
        on_progress: OnProgress = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
        on_score: Callable[[ItemScore], None] = lambda score: None,
    ) -> tuple[tuple[ItemScore, ...], tuple[LeftOut, ...]]:
        """How likely a model finds the versions of benchmark items; errors as in `score_items`."""
        loaded = self.model(model)
        return score_items(loaded, items, known, interventions, on_progress, is_cancelled, on_score)

    def edited_item_scores(
        self,
        model: str,
        items: Sequence[ContrastItem],
        edits: Sequence[Edits],
        on_progress: OnProgress = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> tuple[tuple[tuple[ItemScore, ...], ...], tuple[LeftOut, ...]]:
        """The same under several sets of edits, those of each item as one batch; as `score_items_under`."""
        return score_items_under(self.model(model), items, edits, on_progress, is_cancelled)

    def _scored(
        self, capture: Capture, target: AttributionTarget, detector: str, label_map: LabelMap
    ) -> tuple[ScoredText, tuple[str, ...]]:
        """The number that is asked for, and the labels of its tokens."""
        if target.kind == "bias":
            classifier = self.detector(detector, label_map)
            scored = score_bias(classifier, capture.prompt.text, target.category)
            return scored, tuple(classifier.prompts(capture.prompt.text)[0].labels)
        loaded, labels = self.model(capture.request.model), tuple(capture.prompt.labels)
        if target.kind == "prediction":
            return score_prediction(loaded, capture.prompt, target), labels
        if target.kind == "loss":
            return score_loss(loaded, capture.prompt), labels
        raise BadSelection(f"Targets are {', '.join(TARGETS)}; got '{target.kind}'.")

    def _norms_or_none(self, capture: Capture, *, masked: bool):
        """Norm maps of the capture; None without any, or where a token is masked in the scored text."""
        if masked:
            return None
        try:
            return self.norm_maps(capture, self.residual(capture), capture.main_stream)
        except NotCaptured:
            return None
