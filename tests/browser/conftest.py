"""A real Chromium in front of a real installation with the demo in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.runtime.test_up import address, up

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]


@dataclass(frozen=True)
class Place:
    site: str
    mailbox: str
    sign_in: str


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """`listmgr demo`, as the README says."""
    with tempfile.TemporaryDirectory(prefix="listmgr browser ") as folder:
        Path(folder).chmod(0o755)
        with up(Path(folder), "demo") as (_process, said):
            yield Place(address(said, "Site"), address(said, "Mailbox"), address(said, "Studio"))


@pytest.fixture(scope="module")
def chromium_path() -> str:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("Chromium is missing: sudo apt-get install chromium")
    return path


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()
