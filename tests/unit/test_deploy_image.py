"""The image's file and the compose file name what exists: files, routes, settings, commands."""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from belvedere.cli.main import app
from belvedere.foundation.settings import HubSettings, SiteSettings
from belvedere.hub.alive.routes import router

OCI = Path(__file__).parents[2] / "deploy" / "oci"
ROOT = OCI.parents[1]


def test_the_image_takes_pinned_packages_runs_as_nobody_and_asks_a_route_that_exists() -> None:
    text = (OCI / "Containerfile").read_text("utf-8").replace("\\\n", " ")
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert bases == ["${BASE}", "${BASE}"] and "/" not in text.partition("ARG BASE=")[2].partition("\n")[0]
    installs = re.findall(r"pip install [^&;]*", text)
    assert installs and all("--require-hashes" in each or "--no-index --no-deps" in each for each in installs)
    last = text.rpartition("\nFROM ")[2]
    assert "\nUSER belvedere\n" in last
    (asked,) = re.findall(r"http://127\.0\.0\.1:(\d+)(/\S*?)'", last)
    assert asked == (str(HubSettings.model_validate({}).port), "/healthz")
    assert asked[1] in {getattr(route, "path", "") for route in router.routes}
    command = re.search(r'^CMD \["(\w+)", ', last, re.MULTILINE)
    assert command is not None and command[1] in get_command(app).commands  # type: ignore[attr-defined]
    for name in re.findall(r"BELVEDERE_HUB__(\w+)=", last):
        assert name.lower() in HubSettings.model_fields
    assert "belvedere licences --out" in text
    assert (ROOT / "constraints.txt").is_file() and (OCI / "Containerfile.dockerignore").is_file()


def test_the_compose_file_names_settings_and_commands_that_exist() -> None:
    yaml = pytest.importorskip("yaml", reason="NOT TESTED: no YAML reader is installed")
    found: dict[str, Any] = yaml.safe_load((OCI / "compose.yaml").read_text("utf-8"))
    services = found["services"]
    assert set(services) == {"hub", "hub-several", "bus", "site", "database"}
    sections = {"HUB": HubSettings.model_fields, "SITE": SiteSettings.model_fields}
    for name in ("hub", "hub-several", "site"):
        service = services[name]
        assert service["command"][0] in get_command(app).commands  # type: ignore[attr-defined]
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        for variable in service["environment"]:
            if match := re.fullmatch(r"BELVEDERE_([A-Z]+)__(\w+)", variable):
                assert match[2].lower() in sections[match[1]]
    assert "ports" not in services["site"], "a site opens no port"
    assert "ports" not in services["bus"] and services["hub-several"]["healthcheck"]["test"][0] == "CMD"
    assert (OCI / services["hub"]["build"]["context"] / services["hub"]["build"]["dockerfile"]).is_file()
    assert services["database"]["healthcheck"]
    named = {volume.partition(":")[0] for service in services.values() for volume in service.get("volumes", ())}
    assert named == set(found["volumes"])
