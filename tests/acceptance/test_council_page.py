"""The council's account as a person meets it: a real hub, a certified provider at another site, and Chromium."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from acceptance_stage import ROOT
from belvedere.cli.users import add_user
from belvedere.foundation.settings import load_settings
from oidc_stage import CLIENT, SECRET, install, provider
from web_axe import AXE, violations
from web_fake_hub import UI

pytestmark = pytest.mark.browser


@dataclass
class Hub:
    """A hub in its own process, whose provider is at another site: `localhost` and `127.0.0.1` are two to a browser."""

    url: str
    code: str


@pytest.fixture
def hub(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Hub]:
    if not (UI / "index.html").is_file():
        pytest.skip("the control room is not built, so it was NOT tested (python3 run.py builds it)")
    cache = request.config.cache
    assert cache is not None
    folder = install(cache.mkdir("oidc-provider"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    origin = f"http://localhost:{port}"
    with provider(folder, origin) as issuer:
        (tmp_path / "client.secret").write_text(SECRET)
        ours = {"origin": origin, "oidc_issuer": issuer, "oidc_client_id": CLIENT}
        lines = [f"{name} = {json.dumps(value)}" for name, value in ours.items()]
        lines += [
            f"oidc_client_secret_file = {json.dumps(str(tmp_path / 'client.secret'))}",
            'oidc_require_amr = ["mfa"]',
        ]
        (tmp_path / "belvedere.toml").write_text("\n".join(["[hub]", *lines]))
        code = add_user(load_settings(tmp_path), "ann", "operator", "Ann Operator")
        process = subprocess.Popen(
            [sys.executable, "-m", "belvedere.hub.serve", "--data", str(tmp_path), "--port", str(port)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None and process.stdout.readline()
            yield Hub(origin, code)
        finally:
            process.terminate()
            process.communicate(timeout=20)


def at_provider(page: Page, name: str, proven_by: str) -> None:
    page.get_by_test_id("council-sign-in").click()
    page.wait_for_url("**/interaction/**")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Proven by").fill(proven_by)
    page.get_by_role("button", name="Go on").click()


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not here")
def test_there_and_back_again(hub: Hub, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(hub.url)
    expect(page.get_by_test_id("council-sign-in")).to_have_text("Sign in with your council account")
    assert violations(page) == []
    at_provider(page, "stranger", "mfa")
    expect(page.get_by_test_id("council-error")).to_contain_text("no account here")
    assert page.url == f"{hub.url}/"  # the answer is no longer in the address
    at_provider(page, "ann", "pwd")
    expect(page.get_by_test_id("council-error")).to_contain_text("no second factor")
    at_provider(page, "ann", "mfa")
    page.wait_for_url(f"{hub.url}/now")
    assert [cookie["sameSite"] for cookie in context.cookies(hub.url)] == ["Strict", "Strict"]
    page.reload()
    page.wait_for_url(f"{hub.url}/now")
    context.close()
