"""What the page Studies says about a study: its state, how far it is, and how long it still takes."""

from __future__ import annotations

from htmltools import Tag
from shiny import ui

from modules.quantity import count
from sinklens.study_jobs import StudyEntry

STATES = {
    "waiting": ("…", "waits for another study"),
    "reading": ("…", "reading the texts"),
    "running": ("▸", "running"),
    "done": ("✓", "done"),
    "stopped": ("■", "stopped, can go on"),
    "failed": ("✗", "failed"),
    "interrupted": ("■", "interrupted, can go on"),
    "elsewhere": ("▸", "running in another process"),
}
"""State -> mark and words, so that colour is never the only cue."""
CAN_GO_ON = ("stopped", "interrupted", "failed")


def state_words(entry: StudyEntry) -> str:
    """The state with its mark."""
    mark, words = STATES.get(entry.state, ("–", entry.state))
    return f"{mark} {words}"


def size_words(entry: StudyEntry) -> str:
    """How many texts and which models."""
    models = ", ".join(entry.models)
    if not entry.n_texts:
        return models
    return f"{count(entry.n_texts)} {'text' if entry.n_texts == 1 else 'texts'} × {models}"


def progress_sentence(entry: StudyEntry) -> str:
    """Pieces done, rate and time left; says that they are not known while they are not."""
    progress = entry.progress
    if progress is None:
        return f"{STATES.get(entry.state, ('', entry.state))[1].capitalize()} …"
    done = f"{count(progress.n_texts_done)} of {count(progress.n_texts)} texts × models"
    parts = (
        [progress.message or done]
        if progress.message == done
        else [part for part in (progress.message, done) if part]
    )
    if entry.is_busy:
        if progress.tokens_per_s is None:
            parts.append("rate not known yet")
        else:
            parts.append(f"{count(round(progress.tokens_per_s))} tokens a second, every pass counted")
        if progress.eta_s is not None and progress.n_texts_done < progress.n_texts:
            parts.append(f"about {duration(progress.eta_s)} left at this rate")
    if progress.n_failures:
        parts.append(f"{count(progress.n_failures)} failed")
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """A time as a person would say it: 45 s, 3 min, 2 h 5 min."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def progress_bar(entry: StudyEntry) -> Tag:
    """The bar with its sentence; without a known share it only shows life."""
    progress = entry.progress
    fraction = min(progress.fraction, 1.0) if progress and progress.work else None
    share = {} if fraction is None else {"value": f"{fraction:.4f}"}
    percent = "" if fraction is None else f"{fraction:.0%}"
    return ui.div(
        ui.div(
            ui.tags.progress({"aria-label": f"Progress of {entry.name}", "max": "1", **share}),
            ui.span(percent),
            class_="sl-progress",
        ),
        ui.p(progress_sentence(entry), class_="sl-phase"),
    )
