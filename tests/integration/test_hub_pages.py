"""The control room's pages, headers, compression and errors."""

from pathlib import Path

import pytest

from hub_stage import hub_stage


@pytest.fixture
def ui(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Belvedere</title>")
    (folder / "assets" / "app-1a2b.js").write_text("export const long = 1;\n" * 500)
    (tmp_path / "secret").write_text("outside")
    return folder


async def test_pages_are_the_built_ones(tmp_path: Path, ui: Path) -> None:
    async with hub_stage(tmp_path / "data", ui=ui) as stage, stage.browser() as browser:
        for path in ("/", "/review", "/review/gate?at=5", "/index.html"):
            page = await browser.get(path)
            assert page.status_code == 200 and "<title>Belvedere" in page.text
            assert page.headers["cache-control"] == "no-cache"
        script = await browser.get("/assets/app-1a2b.js", headers={"Accept-Encoding": "gzip"})
        assert script.headers["content-encoding"] == "gzip" and "immutable" in script.headers["cache-control"]
        assert "javascript" in script.headers["content-type"] and script.text.startswith("export")
        assert (await browser.get("/assets/gone.js")).status_code == 404


async def test_nothing_outside_the_folder_is_served(tmp_path: Path, ui: Path) -> None:
    (ui / "link").symlink_to(tmp_path / "secret")
    async with hub_stage(tmp_path / "data", ui=ui) as stage, stage.browser() as browser:
        for path in ("/..%2Fsecret", "/%2e%2e/secret", "/assets/..%2F..%2Fsecret", "/%2Fetc/passwd", "/link", "/a%00b"):
            assert "outside" not in (await browser.get(path)).text


async def test_unbuilt_pages_say_so(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.browser() as browser:
        page = await browser.get("/")
        assert page.status_code == 503 and "python3 run.py" in page.text


async def test_every_answer_is_guarded(tmp_path: Path, ui: Path) -> None:
    async with hub_stage(tmp_path / "data", ui=ui) as stage, stage.browser() as browser:
        for path in ("/", "/api/session", "/log/checkpoint", "/api/nothing"):
            headers = (await browser.get(path)).headers
            policy = headers["content-security-policy"]
            assert "script-src 'self';" in policy and "frame-ancestors 'none'" in policy and "unsafe-eval" not in policy
            assert "worker-src 'self' blob:" in policy and "media-src 'self' blob:" in policy
            assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "no-referrer"


async def test_errors_have_one_shape(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        for answer, status, code in (
            (await browser.get("/api/nothing"), 404, "not_found"),
            (await browser.post("/api/cameras"), 405, "bad_input"),
            (await browser.post("/api/grants", content=b"{"), 400, "bad_input"),
            (await browser.get("/api/cameras/none"), 404, "not_found"),
        ):
            assert answer.status_code == status and answer.json()["error"]["code"] == code
            assert set(answer.json()["error"]) == {"code", "message", "advice"}


async def test_the_description_covers_the_interface(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.browser() as browser:
        answer = await browser.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
        paths = set(answer.json()["paths"])
        assert {"/api/session", "/api/grants", "/api/cameras", "/api/map", "/api/health", "/api/exports"} <= paths
        assert not {"/metrics", "/{path}", "/log/checkpoint"} & paths
