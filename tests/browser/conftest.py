"""One real app for all browser tests, and pages that fail on any error or request to another host."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, BrowserType, Page, expect

from tests.browser.app_process import REPOSITORY, TRIALS, AppProcess

PATIENCE_MS = 120_000
OPENING_PATIENCE_MS = 180_000
"""The first page brings some megabytes of script, which a busy machine compresses slowly."""
CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """Debian's Chromium instead of a download of Playwright's own."""
    return {**browser_type_launch_args, "executable_path": chromium(), "args": CHROMIUM_ARGS}


@pytest.fixture(scope="session")
def serve(tmp_path_factory) -> Iterator[Callable[[Path | str], str]]:
    """Starts an app file (a path from the repository's root) once and gives its address.

    Trial apps share one process, since importing torch takes longer than most tests.
    """
    running: dict[str, AppProcess] = {}

    def start(app_file: Path | str) -> str:
        name = Path(app_file).stem.removesuffix("_app")
        if name in TRIALS:
            return f"{start('tests/browser/apps/all_apps.py')}/{name}/"
        key = str(app_file)
        if key not in running:
            folder = tmp_path_factory.mktemp("app")
            places = {
                "SINKLENS_CACHE_DIR": str(folder / "cache"),
                "SINKLENS_STUDIES_DIR": str(folder / "studies"),
            }
            running[key] = AppProcess(REPOSITORY / app_file, folder / "log.txt", places)
        return running[key].url

    yield start
    errors = {name: app.errors() for name, app in running.items()}
    for app in running.values():
        app.stop()
    assert errors == {name: [] for name in running}


@pytest.fixture(scope="session")
def base_url(serve) -> str:
    """Address of the real app, so that `page.goto("/")` opens it."""
    return serve("app.py")


@pytest.fixture(scope="session")
def context(
    browser_type: BrowserType,
    browser_type_launch_args: dict,
    browser_context_args: dict,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BrowserContext]:
    """One profile on disk for all tests: Chromium keeps the compiled scripts of such a one only."""
    context = browser_type.launch_persistent_context(
        tmp_path_factory.mktemp("profile"), **browser_type_launch_args, **browser_context_args
    )
    be_patient(context)
    yield context
    context.close()


@pytest.fixture(scope="module")
def shared_page(context: BrowserContext) -> Iterator[Page]:
    """One page for the tests of a module that only read it, or put back what they change.

    Opening a page is what most browser tests take most of their time for.
    """
    page = context.new_page()
    problems = problems_of(page)
    yield page
    page.close()
    assert problems == []


@pytest.fixture(autouse=True)
def shared_page_in_front(request: pytest.FixtureRequest) -> None:
    """A browser draws what is in front, and gives it the clipboard."""
    if "shared_page" in request.fixturenames:
        request.getfixturevalue("shared_page").bring_to_front()


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A page of the test's own; it fails on a script error, a console error or a request to another host."""
    shared = [other for other in page.context.pages if other is not page]
    problems = problems_of(page)
    yield page
    for opened in page.context.pages:
        if opened not in shared:
            opened.close()
    page.context.clear_permissions()
    assert problems == []


def be_patient(opener: BrowserContext | Page) -> None:
    """Let actions and openings take as long as they do on a busy machine, in all pages of a context."""
    opener.set_default_timeout(PATIENCE_MS)
    opener.set_default_navigation_timeout(OPENING_PATIENCE_MS)


def problems_of(page: Page) -> list[str]:
    """Script errors, console errors and requests to other hosts, noted from now on."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    page.on("console", lambda message: _note_console(message, problems))
    page.on("request", lambda request: _note_request(request.url, problems))
    return problems


def _note_console(message, problems: list[str]) -> None:
    if message.type == "error":
        problems.append(f"console error: {message.text} ({message.location.get('url', '')})")


def _note_request(url: str, problems: list[str]) -> None:
    address = urlsplit(url)
    if address.scheme in {"http", "https", "ws", "wss"} and address.hostname not in {
        "127.0.0.1",
        "localhost",
    }:
        problems.append(f"request to another host: {url}")


def chromium() -> str:
    """Path of the browser; without one, tests are skipped on a desk and fail in CI."""
    names = [os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    path = next(filter(None, (shutil.which(name) for name in names if name)), None)
    if path is None:
        sentence = "No Chromium found: install one, or set CHROMIUM to its path."
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(sentence)
    return path
