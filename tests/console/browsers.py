"""Debian's Chromium, driven by Playwright; and `keepline console` as a process with its link."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
GRAVE = ("serious", "critical")


def chromium() -> str:
    """The program; skips where there is none, fails there where KEEPLINE_REQUIRE_CHROMIUM is set (as in CI)."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        end = pytest.fail if os.environ.get("KEEPLINE_REQUIRE_CHROMIUM") else pytest.skip
        end("no Chromium: install Debian's package chromium")
    return found


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    program = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def window(browser: Browser, complaints: list[str], **options: Any) -> BrowserContext:
    """A browser of its own; whatever a page complains of, a breach of the policy too, is added to complaints."""
    context = await browser.new_context(**options)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    return context


async def faults(page: Page) -> list[str]:
    """What axe finds that is serious."""
    await page.evaluate(AXE_FILE_PATH.read_text("utf-8"))
    found = await page.evaluate("options => axe.run(document, options)", RULES)
    return [
        f"{one['id']}: {one['help']} ({node['html'][:120]})"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


@contextmanager
def console(environment: Mapping[str, str], *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`keepline console` as a process, and its link."""
    command = [sys.executable, "-m", "streams.cli", "console", *words]
    process = subprocess.Popen(command, cwd=ROOT, env=dict(environment), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        link = next(line.strip() for line in process.stdout if line.startswith("http"))
        yield process, link
    finally:
        process.kill()
        process.communicate()
