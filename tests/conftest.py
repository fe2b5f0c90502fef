"""What every test may use: where the small model lies."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openclaw_desktop.inference.catalogue import CatalogueModel, find_model, load_catalogue
from openclaw_desktop.system.paths import find_home, model_folders
from openclaw_desktop.system.secrets import sealed

sys.path.insert(0, str(Path(__file__).parent))  # `counts`, for every folder of tests
# In a run that was started in the background Ctrl-C is ignored, and all that a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI nothing is skipped for want of a package: such a skip fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None:
        return
    missing = [
        str(report.longrepr) for report in reporter.stats.get("skipped", []) if "not installed" in str(report.longrepr)
    ]
    if missing:
        reporter.write_line("Skipped for want of a package, which CI does not allow: " + "; ".join(missing), red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a full proof ten times as long: some of its tests do ten times as much."""
    import counts

    for item in items if counts.FULL else ():
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(10 * float(item.config.getini("timeout"))))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """After a full proof, note it in its table: only what ran whole and without a failure is one."""
    import counts

    unproved = ("failed", "error", "deselected")
    parts = any("::" in word for word in terminalreporter.config.args)
    if counts.FULL and not parts and not any(terminalreporter.stats.get(outcome) for outcome in unproved):
        counts.write_table()


@pytest.fixture(autouse=True)
def loud() -> Iterator[None]:
    """Leave the log as loud as it was: a command that a test runs in this process is quiet."""
    logger = logging.getLogger("openclaw_desktop")
    level = logger.level
    yield
    logger.setLevel(level)


def find_file(model: CatalogueModel) -> Path | None:
    """Look where the product looks."""
    folders = model_folders(find_home(None, {}), os.environ)
    return next(
        (
            path
            for folder in folders
            if (path := folder / model.file).is_file() and path.stat().st_size == model.size_bytes
        ),
        None,
    )


def folder_with(model_id: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for OPENCLAW_MODELS that holds one model and nothing else."""
    model = find_model(load_catalogue(), model_id)
    found = find_file(model)
    if found is None:
        pytest.fail(
            f"These tests need {model.file} in OPENCLAW_MODELS or the default models folder. "
            f"Fetch it: openclaw-agent model pull {model_id}",
            pytrace=False,
        )
    folder = tmp_path_factory.mktemp("models")
    (folder / model.file).symlink_to(found.resolve())
    return folder


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2 alone."""
    return folder_with("smollm2-135m", tmp_path_factory)


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedding model alone."""
    return folder_with("all-minilm-l6-v2-int8", tmp_path_factory)


@pytest.fixture(scope="session")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Qwen alone."""
    return folder_with("qwen2.5-coder-1.5b", tmp_path_factory)


@pytest.fixture
def light_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a passphrase's key in no time: half a second for each would be most of what such tests take."""
    monkeypatch.setattr(sealed, "WORK", {"n": 1 << 4, "r": 8, "p": 1})
