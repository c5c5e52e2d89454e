"""The geometry of sinks for the service: one text at a time, so that others get the model in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from sinklens.errors import BadSelection, RunCancelled, SinkLensError
from sinklens.geometry_records import SinkRule, SinkStatistics, SinkStudy, Skipped
from sinklens.records import CaptureRequest
from sinklens.run_part import RunPart
from sinklens.run_status import OnStatus
from sinklens.shared_run import SharedRun

FirstToken = int | str


class GeometryRuns:
    """The part of InferenceService that measures what sinks contribute."""

    async def sink_statistics(
        self, request: CaptureRequest, stream: str, rule: SinkRule, on_status: OnStatus | None = None
    ) -> SinkStatistics:
        """Sums over the queries of one text; NotCaptured where the model's heads cannot be read."""
        info = await self.info(request.model, on_status)
        ask = ("sink statistics", info.revision, request, stream, rule)

        def method(*progress):
            return self._engine.sink_statistics(request, stream, rule, None, *progress)

        work = partial(self._on_model, ask, request.model, "Adding up what the sinks write", method)
        return await self._answer(ask, ask, work, on_status)

    async def sink_study(
        self,
        request: CaptureRequest,
        stream: str,
        rule: SinkRule,
        texts: tuple[str, ...],
        first_tokens: tuple[FirstToken, ...] = (),
        on_status: OnStatus | None = None,
    ) -> SinkStudy:
        """The same for several texts, each as it is and with other first tokens.

        The request says how texts are read; its own text is part of the study where it is among `texts`.
        A text that cannot be read, or a first token that is none, is left out with its reason. Raises as
        `assembled`.
        """
        info = await self.info(request.model, on_status)
        ask = ("sink study", info.revision, request, stream, rule, texts, first_tokens)
        work = partial(self._study, ask, request, stream, rule, texts, first_tokens)
        return await self._answer(ask, ask, work, on_status)

    async def _study(self, ask, request, stream, rule, texts, first_tokens, run: SharedRun) -> SinkStudy:
        parts: dict[tuple[int, int], SinkStatistics | SinkLensError] = {}
        wanted = [(t, f) for t in range(len(texts)) for f in range(-1, len(first_tokens))]
        for index, (text, first) in enumerate(wanted):
            part = RunPart(run, n_before=index, n_here=1, n_all=len(wanted), noun="pass")
            own = parts.get((text, -1))
            if isinstance(own, SinkLensError):
                parts[text, first] = own
                continue
            # Another first token must not change which positions are compared.
            here = rule if own is None else SinkRule(fixed=own.sinks)
            token = None if first < 0 else first_tokens[first]
            async with self._turn(request.model, part) as compute:
                parts[text, first] = await compute(
                    self._attempt, text_request(request, texts[text]), stream, here, token, part
                )
        info = await self.info(request.model)
        study = assembled(parts, texts, first_tokens, rule=rule, stream=stream, model=info)
        return self._kept(ask, study)

    def _attempt(
        self, request: CaptureRequest, stream: str, rule: SinkRule, first: FirstToken | None, part: RunPart
    ) -> SinkStatistics | SinkLensError:
        """One pass; a text that gives no numbers must not end the study."""
        try:
            return self._engine.sink_statistics(
                request, stream, rule, first, part.progress, part.is_cancelled
            )
        except RunCancelled:
            raise
        except SinkLensError as error:
            return error


def text_request(request: CaptureRequest, text: str) -> CaptureRequest:
    """The request for another text; a decoder reads that text itself, as its own text was for the first."""
    return request if text == request.text else replace(request, text=text, target=None, window=0)


def assembled(
    parts: dict[tuple[int, int], SinkStatistics | SinkLensError],
    texts: Sequence[str],
    first_tokens: Sequence[FirstToken],
    *,
    rule: SinkRule,
    stream: str,
    model,
) -> SinkStudy:
    """The study of all texts and first tokens that gave numbers, every row over the same texts.

    Parameters
    ----------
    parts : by (index of the text, index of the first token, -1 for its own)

    Raises
    ------
    BadSelection
        No text gave any; the message is the first reason.
    """
    skipped = []
    for index, text in enumerate(texts):
        if isinstance(parts[index, -1], SinkLensError):
            skipped.append(Skipped(text, str(parts[index, -1])))
    rows = [i for i in range(len(texts)) if not isinstance(parts[i, -1], SinkLensError)]
    if not rows:
        raise BadSelection(skipped[0].reason if skipped else "A study needs at least one text.")
    replaced = []
    for first, token in enumerate(first_tokens):
        row = [parts[i, first] for i in rows]
        errors = [part for part in row if isinstance(part, SinkLensError)]
        if errors:
            skipped.append(Skipped(f"first token {token!r}", str(errors[0])))
        else:
            replaced.append(tuple(row))
    return SinkStudy(
        model=model.name,
        revision=model.revision,
        rule=rule,
        stream=stream,
        texts=tuple(texts[i] for i in rows),
        own=tuple(parts[i, -1] for i in rows),
        replaced=tuple(replaced),
        skipped=tuple(skipped),
    )
