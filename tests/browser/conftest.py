"""The service as `./run` starts it, over fresh demonstration data, and a headless Chromium, phone-wide or desk-wide."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.servers import free_port
from tests.test_cli import said_here

ROOT = Path(__file__).resolve().parents[2]
PHONE, DESK = 390, 1280
# Chromium's own errands are switched off: they would wait for a network that tests do not have.
FIRST_PAGE = {
    "station": "/station",
    "pharmacist": "/pharmacy",
    "pharmacist2": "/pharmacy",
    "pharmacy_manager": "/pharmacy",
    "inspector": "/inspector",
    "auditor": "/inspector/log",
    "canteen": "/canteen",
    "wholesale": "/station",
}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@dataclass
class Site:
    """The running service: its address, who can sign in, and its API for what happens at partners' places."""

    address: str
    password: str
    data: Path
    keys: dict[str, str] = field(default_factory=dict)

    def key_of(self, organisation: str) -> str:
        """A clerk's API key of an organisation, made by the command people use for it."""
        if organisation not in self.keys:
            made = said_here(self.data, "key", "--role", "clerk", "--organisation", organisation)
            assert made.exit_code == 0, made.output
            self.keys[organisation] = made.stdout.strip()
        return self.keys[organisation]

    def call(
        self, organisation: str, path: str, body: dict[str, Any] | None = None, *, method: str | None = None
    ) -> dict[str, Any]:
        """GET, or POST where there is a body and no other `method`, as an organisation's machine."""
        request = urllib.request.Request(
            f"{self.address}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key_of(organisation)}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))

    def id_of(self, organisation: str) -> str:
        """The public id of an organisation."""
        query = urllib.parse.quote(organisation)
        found = self.call(organisation, f"/organisations?text={query}")["organisations"]
        return str(found[0]["id"])


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The service in a process of its own, as `./run` starts it the first time."""
    data, port = tmp_path_factory.mktemp("site"), free_port()
    environ = os.environ | {"SUNSHINE_DATA": str(data), "PYTHONPATH": str(ROOT), "SUNSHINE_SCAN_SECONDS": "10"}
    log = (data / "log").open("w+")
    command = [sys.executable, "-m", "trace.cli", "up", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        printed = _wait_for(address, server, Path(log.name))
        password = re.search(r"sunshine-[0-9a-f]+", printed)
        assert password, printed
        yield Site(address, password[0], data)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
        log.close()


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> str:
    """What the service printed, once it answers."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return log.read_text()
        except OSError:
            with suppress(subprocess.TimeoutExpired):
                server.wait(timeout=0.05)  # who asks without a pause takes the processor from it
    pytest.fail(f"the service ended: {log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium, the system's own."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no browser: the program chromium is not installed (package chromium)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def signed_in() -> dict[str | None, Any]:
    """The cookies of those who signed in before: attempts are limited, as they should be."""
    return {}


@pytest.fixture
def visit(site: Site, browser: Browser, signed_in: dict[str | None, Any]) -> Iterator[Callable[..., Page]]:
    """`visit("station", width=PHONE)`: a page signed in as that person; errors in its console fail the test."""
    pages: list[Page] = []
    faults: list[str] = []

    def open_page(who: str | None, *, width: int = DESK, language: str = "zh-CN") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 844},
            locale=language,
            base_url=site.address,
            storage_state=signed_in.get(who),
        )
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        pages.append(page)
        if who is not None and who not in signed_in:
            page.goto("/sign-in")
            page.fill("[name=sign_in]", who)
            page.fill("[name=password]", site.password)
            page.click("main button")
            page.wait_for_url(lambda url: "/sign-in" not in url)
            signed_in[who] = context.storage_state()
        elif who is not None:
            page.goto(FIRST_PAGE[who])
        return page

    yield open_page
    for page in pages:
        page.context.close()
    assert faults == []


@pytest.fixture
def keep_picture(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keep what a page looks like under tests/output, for people to look at."""
    folder = ROOT / "tests" / "output"

    def keep(page: Page, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png", full_page=True)

    return keep


def press(page: Page, button: str) -> None:
    """Press a button that sends its form, and wait for the answer."""
    page.click(button)
    page.wait_for_selector("form.busy", state="detached")


def receive(page: Page) -> None:
    """Press the button that receives, and see the record; a refusal is told with its sentence."""
    press(page, "button[value=receive]")
    refusals = page.locator("[role=alert]")
    assert "/station/receipts/" in page.url, refusals.all_inner_texts()


def fits(page: Page) -> bool:
    """Whether nothing of the page sticks out to the right: on a phone that makes everything hard to hit."""
    page.wait_for_load_state()  # a page just asked for has no element yet
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
