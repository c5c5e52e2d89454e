"""All settings, read once from the environment.

Names carry their units. `Settings.from_env(os.environ)` is called by `app.py`; everything else is
handed a Settings object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """How this process behaves; every field can be set as SINKLENS_<NAME> in the environment."""

    models_dir: Path = REPOSITORY / "models"
    """Folder of the bundled models."""
    cache_dir: Path = Path.home() / ".cache" / "sinklens"
    """Folder where large captures spill to disk."""
    studies_dir: Path = Path.home() / ".local" / "share" / "sinklens" / "studies"
    """Folder of the studies run from the page, one folder each, and of the texts uploaded for them."""
    ray_address: str = ""
    """Ray cluster that does the studies of the page ("auto", "ray://host:port"); empty: this machine does."""
    study_processes: int = 0
    """Processes that do a study of the page; 0: as many as memory and all cores but one allow."""
    default_model: str = "demo-gpt2"
    """Bundled model that the page opens with."""
    allow_folders: bool = True
    """May a user name a folder of this machine as a model? Switch off on a public server."""
    model_folders: str = ""
    """Where such a folder, and a file of texts of a study, must lie, ":" between several; empty: anywhere."""
    allow_hub: bool = True
    """May a user name a model of the Hugging Face hub?"""
    cache_on_disk: bool = True
    """May captures, which hold their texts, be written to `cache_dir`? Those there are not read either."""
    max_memory_cache_bytes: int = 1_000_000_000
    """Captures kept in memory, all sessions together."""
    max_disk_cache_bytes: int = 4_000_000_000
    """Captures spilled to `cache_dir`."""
    max_model_bytes: int = 8_000_000_000
    """Weights kept loaded; the least recently used model is dropped first."""
    max_states_bytes: int = 400_000_000
    """Queries, keys and values kept per capture so that any head can be opened at once."""
    max_mean_map_tokens: int = 1_024
    """Above this many tokens the head-averaged maps are not kept."""
    max_text_chars: int = 2_000_000
    """Longest text that is accepted for tokenisation."""
    max_queue: int = 200
    """Requests that may wait for one model."""
    max_attention_file_bytes: int = 1_000_000_000
    """Largest attention that is read from a file, unpacked."""
    api_token: str = field(default="", repr=False)
    """Bearer token that the REST API asks for; empty: open to all who reach it."""
    api_allow_origins: str = ""
    """Web origins whose pages may call the REST API, with commas between; empty: none but its own."""
    api_max_chars: int = 100_000
    """Longest text that the REST API accepts."""
    api_max_tokens: int = 2_048
    """Most tokens of a text that the REST API accepts."""
    api_max_texts: int = 64
    """Most texts of one request to the REST API."""
    api_max_body_bytes: int = 1_000_000
    """Largest request body that the REST API reads."""
    api_max_runs: int = 8
    """Requests that the REST API works on at once; further ones are told to come back."""
    api_requests_per_minute: int = 120
    """Requests of one client to the REST API in a minute, 0 for no limit."""
    page_runs_per_minute: int = 300
    """Runs that pages of one client begin in a minute, 0 for no limit; answers from the cache are free."""
    max_upload_bytes: int = 200_000_000
    """Largest file that a page takes."""
    page_origins: str = ""
    """Web origins, beside the page's own, that may open a session, with commas between; "*" for any."""
    frame_origins: str = ""
    """Web origins whose pages may show this one in a frame, with commas between; empty: none but its own."""
    json_logs: bool = False
    """Write the log as one JSON object a line, without the words of exceptions, which may quote a text."""
    metrics: bool = True
    """Answer /metrics, for Prometheus."""
    metrics_token: str = field(default="", repr=False)
    """Bearer token that /metrics asks for; empty: only this machine itself may read it."""
    warm_up: bool = False
    """Load the default model at the start, not with the first run."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read SINKLENS_* variables; an unreadable value names its key in a ValueError."""
        given = {}
        for item in fields(cls):
            key = f"SINKLENS_{item.name.upper()}"
            if key in env:
                given[item.name] = _parse(key, env[key], type(getattr(cls, item.name)))
        return cls(**given)


def _parse(key: str, text: str, kind: type):
    if kind is bool:
        if text.lower() not in {"1", "true", "yes", "0", "false", "no"}:
            raise ValueError(f"{key} must be true or false; got '{text}'.")
        return text.lower() in {"1", "true", "yes"}
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"{key} must be a whole number; got '{text}'.") from None
    return Path(text).expanduser() if issubclass(kind, Path) else text
