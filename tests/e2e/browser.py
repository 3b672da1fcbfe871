"""Chromium on the console: signed in once, watched for errors, checked with axe."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.e2e.rig import ROOT, ControlPlane

_AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT_MS = 20_000


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    path = os.environ.get("MESHWEB_CHROMIUM") or shutil.which("chromium")
    assert path is not None, "Chromium is needed: ./dev test installs it"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield browser
        await browser.close()


def login_link(plane: ControlPlane) -> str:
    """As an operator makes it."""
    made = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "login_link"],
        env={**plane.environment, "DATABASE_URL": plane.database_url},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return made.stdout.strip()


class Console:
    """A signed-in page. `errors` is what the browser complained of."""

    def __init__(self, plane: ControlPlane, context: BrowserContext, page: Page) -> None:
        self.plane, self.context, self.page = plane, context, page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    async def open(self, path: str, heading: str) -> Page:
        await self.page.goto(f"{self.plane.url}{path}")
        await self.page.get_by_role("heading", name=heading, exact=True).first.wait_for()
        return self.page

    async def violations(self) -> list[str]:
        """What axe finds on the page as it is (WCAG 2.1 A and AA)."""
        await self.page.evaluate(_AXE.read_text())
        found: list[Any] = await self.page.evaluate(
            "async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})).violations"
            ".map(v => [v.id, v.nodes.map(n => n.target.join(' '))])"
        )
        return [f"{rule}: {', '.join(map(str, nodes))}" for rule, nodes in found]


async def signed_in(plane: ControlPlane, browser: Browser, **options: Any) -> Console:
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, **options)
    context.set_default_timeout(TIMEOUT_MS)
    page = await context.new_page()
    await page.goto(login_link(plane))
    await page.get_by_role("navigation", name="Pages").wait_for()
    return Console(plane, context, page)
