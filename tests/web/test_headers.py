"""What a browser is told with every answer, and who may open a session."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sinklens.web.content_policy import EXCEPTIONS, ContentPolicy, origins, script_hash

REPOSITORY = Path(__file__).resolve().parents[2]


def directives(header):
    """Directive -> its sources."""
    return {name: sources for name, *sources in (part.split() for part in header.split(";"))}


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/nothing-here", "/api/v1/health"])
def test_every_answer_forbids_sniffing_frames_and_strange_scripts(open_server, path):
    with open_server() as client:
        headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    policy = directives(headers["Content-Security-Policy"])
    assert policy["default-src"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'self'"]
    assert policy["script-src-attr"] == policy["object-src"] == policy["base-uri"] == ["'none'"]
    assert "'unsafe-inline'" not in policy["script-src"]


def test_the_page_of_the_api_keeps_its_own_stricter_policy(open_server):
    with open_server() as client:
        policy = directives(client.get("/api/docs").headers["Content-Security-Policy"])
    assert "script-src" not in policy
    assert policy["default-src"] == ["'none'"]


def test_scripts_come_from_this_server_or_are_listed_by_their_hash():
    sources = directives(ContentPolicy(["a()", "b()", "a()"]).header())["script-src"]
    hashes = [source for source in sources if source.startswith("'sha256-")]
    assert sorted(hashes) == sorted([script_hash("a()"), script_hash("b()")])
    assert set(sources) - set(hashes) == {"'self'", "'unsafe-eval'", "blob:"}


def test_a_hash_is_the_one_that_browsers_compute():
    # The example of the specification, Content Security Policy Level 3, section 8.2.
    script = "alert('Hello, world.');"
    assert script_hash(script) == "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"


def test_every_exception_of_the_policy_says_who_needs_it():
    policy = directives(ContentPolicy(["a()"]).header())
    own = {"'self'", "'none'"}
    excepted = {(name, source) for name, found in policy.items() for source in found if source not in own}
    explained = {
        (name, re.sub(r"…", ".*", source))
        for name, *sources in map(str.split, EXCEPTIONS)
        for source in sources
    }
    missing = [pair for pair in excepted if not any(_fits(pair, known) for known in explained)]
    assert missing == []
    assert len(EXCEPTIONS) == len({key.split()[0] for key in EXCEPTIONS}) + 2  # scripts have three


def _fits(pair, known):
    return pair[0] == known[0] and re.fullmatch(known[1], pair[1]) is not None


def test_only_named_origins_may_show_the_page_in_a_frame(open_server):
    with open_server(frame_origins="https://huggingface.co, https://*.hf.space/") as client:
        policy = directives(client.get("/").headers["Content-Security-Policy"])
    assert policy["frame-ancestors"] == ["'self'", "https://huggingface.co", "https://*.hf.space"]


@pytest.mark.parametrize("listed", ["a b", "https://x;script-src *", "https://x\nY: z", "'unsafe-inline'"])
def test_an_origin_that_is_none_stops_the_start_with_the_name_of_the_setting(open_server, listed):
    with pytest.raises(ValueError, match="SINKLENS_FRAME_ORIGINS must list origins"):
        origins(listed, "SINKLENS_FRAME_ORIGINS")
    with pytest.raises(ValueError, match="SINKLENS_FRAME_ORIGINS"):
        open_server(frame_origins=listed).__enter__()


@pytest.mark.parametrize("host", ["evil.test; script-src *", "a b", "x' 'unsafe-inline'", "\\", ""])
def test_a_strange_host_header_never_gets_into_the_policy(host):
    assert ContentPolicy([]).header(host) == ContentPolicy([]).header()


def test_the_own_socket_is_named_for_browsers_that_do_not_count_it_as_self():
    sources = directives(ContentPolicy([]).header("[::1]:8000"))["connect-src"]
    assert sources == ["'self'", "ws://[::1]:8000", "wss://[::1]:8000"]


@pytest.mark.parametrize("folder", ["modules", "sinklens", "static"])
def test_no_script_stands_in_an_attribute(folder):
    attribute = re.compile(
        r"\bon(?:click|change|input|toggle|load|error|submit|key\w+|mouse\w+)\s*=\s*f?[\"']"
    )
    files = [path for ending in ("py", "js") for path in (REPOSITORY / folder).rglob(f"*.{ending}")]
    assert files
    assert [path.name for path in files if attribute.search(path.read_text("utf-8"))] == []


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [(b"12345", {}, 413), (iter([b"1"]), {}, 411), (b"1234", {}, 404)],
    ids=["too large", "no length", "within the limit"],
)
def test_an_upload_is_refused_before_it_is_read(open_server, content, headers, status):
    with open_server(max_upload_bytes=4) as client:
        assert client.post("/session/abc/upload/job", content=content, headers=headers).status_code == status


def test_uploads_count_as_runs_of_their_client(open_server):
    with open_server(page_runs_per_minute=2) as client:
        found = [client.post("/session/abc/upload/job", content=b"1").status_code for _ in range(3)]
    assert found == [404, 404, 429]
