"""The whole journey through the product, from the wall to a pack that verifies, as the tests of it make it."""

import re
import zipfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from acceptance_stage import Estate

CAMERA = "rowan-court"
NAME = "Moped in Rowan court"

expect.set_options(timeout=60_000)  # a busy machine takes its time


def flipped(pack: Path, member: str, copy: Path) -> Path:
    """A copy of `pack` in which one byte in the middle of `member` differs, with the checksum of the ZIP made to fit."""
    with zipfile.ZipFile(pack) as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
        for entry in source.infolist():
            data = bytearray(source.read(entry))
            if entry.filename == member:
                data[len(data) // 2] ^= 1
            target.writestr(entry, bytes(data))
    return copy


def asked(page: Page, path: str) -> Any:
    answer = page.request.get(page.evaluate("location.origin") + path)
    assert answer.ok, answer.text()
    return answer.json()


def journey(page: Page, supervisor: Page, estate: Estate, tmp_path: Path, case: str) -> None:
    """From the wall to a pack that verifies: masked pictures on shift, recordings for a case, an export that a colleague allows."""
    # The wall is masked and says so; the map, and a camera on it
    expect(page.get_by_test_id("grant-chip")).to_contain_text("Masked")
    expect(page.get_by_test_id("map").locator("canvas")).to_be_visible()
    page.get_by_test_id(f"camera-{CAMERA}").click()
    expect(page.get_by_test_id(f"tile-{CAMERA}")).to_be_visible()
    # Last night needs a case, and one's own passkey
    page.get_by_test_id(f"to-review-{CAMERA}").click()
    form = page.get_by_test_id("ask-form")
    form.get_by_test_id("case-picker").click()
    page.get_by_role("option", name=case).click()
    form.get_by_label("Why").fill("Which way it left")
    expect(form.get_by_test_id("ask-need")).to_contain_text("You confirm it with your passkey")
    form.get_by_test_id("ask-submit").click()
    page.get_by_test_id("review-timeline").wait_for()
    expect(page.get_by_test_id("grant-chip")).to_contain_text(case)
    page.get_by_test_id("last-night").click()
    page.get_by_test_id("play").click()
    page.wait_for_function(
        "() => { const r = window.belvedereReview?.report(); return r && r.playing && r.tiles.some(t => t.ready && t.time_us) }"
    )
    page.get_by_test_id("mark-in").click()
    page.wait_for_function(
        "start => window.belvedereReview.report().time_us - start > 4e6",
        arg=page.evaluate("window.belvedereReview.report().time_us"),
    )
    page.get_by_test_id("mark-out").click()
    page.get_by_test_id("play").click()
    # To take it out of the house a colleague of another team agrees
    page.get_by_test_id("export-open").click()
    page.get_by_test_id("export-ask").click()
    form.get_by_label("See people unmasked").check()
    form.get_by_label("Who gets what is exported").fill("North Police, 17/26")
    form.get_by_label("Why").fill("Asked for by the police, 17/26")
    expect(form.get_by_test_id("ask-need")).to_contain_text("Sam Supervisor can decide now")
    form.get_by_test_id("ask-submit").click()
    sent = page.get_by_test_id("ask-sent")
    expect(sent).to_contain_text("Sent")
    supervisor.get_by_test_id("nav-approvals").click()
    request = supervisor.get_by_test_id("request")
    expect(request).to_contain_text("Asked for by the police, 17/26")
    request.get_by_test_id("approve").click()
    expect(supervisor.get_by_text("Nothing waits")).to_be_visible()
    sent.get_by_role("button", name="Open it").click()
    # The marks are as they were
    page.get_by_test_id("review-timeline").wait_for()
    expect(page.get_by_test_id("grant-chip")).not_to_contain_text("Masked")
    page.get_by_test_id("export-open").click()
    page.get_by_test_id("export-name").fill(NAME)
    page.get_by_test_id("export-make").click()
    card = page.get_by_test_id("export-card")
    expect(card).to_have_attribute("data-state", "ready", timeout=60_000)
    digest = card.get_by_test_id("export-sha256").inner_text()
    with page.expect_download() as downloading:
        card.get_by_test_id("export-download").click()
    pack = tmp_path / "pack.zip"
    downloading.value.save_as(pack)
    assert re.fullmatch(r"[0-9a-f]{64}", digest.strip())
    # Verify: valid as it is; one byte changed, invalid, and the file is named
    whole = estate.command("verify", str(pack))
    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert "VALID" in whole.stdout
    with zipfile.ZipFile(pack) as archive:
        clip = next(name for name in archive.namelist() if name.endswith(".mp4"))
    broken = estate.command("verify", str(flipped(pack, clip, tmp_path / "flipped.zip")))
    assert broken.returncode == 1
    assert "NOT VALID" in broken.stdout
    assert clip in broken.stdout
    # The act is in one's own log
    page.keyboard.press("Escape")
    page.get_by_test_id("nav-access").click()
    expect(page.get_by_text(NAME).first).to_be_visible()
