"""Drawing: each picture once, on several processes, and nothing lost when one of them ends."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from counterflow import drawing
from counterflow.drawing import PenBrokeError, Pictures
from counterflow.site.plots import VEGALITE


def spec(height: int) -> dict[str, Any]:
    return {
        "data": {"values": [{"a": "<b>&\n", "n": height}]},
        "mark": "bar",
        "height": height,
        "encoding": {"x": {"field": "n", "type": "quantitative"}, "y": {"field": "a"}},
    }


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The processes that were started to draw."""
    pens: list[Any] = []
    real = subprocess.Popen

    def start(*arguments: Any, **more: Any) -> Any:
        pens.append(real(*arguments, **more))
        return pens[-1]

    monkeypatch.setattr(drawing.subprocess, "Popen", start)
    return pens


def test_pictures_come_back_for_what_they_were_drawn_of(started: list[Any]) -> None:
    with Pictures(VEGALITE) as pictures:
        made = {height: pictures.draw(spec(height)) for height in range(20, 26)}
        for height, found in made.items():
            text = found.result()
            assert text.startswith("<svg")
            assert f"h300v{height}h-300Z" in text
            assert "&lt;b&gt;&amp;" in text
        assert pictures.draw(spec(20)) is made[20]
    assert started
    assert all(pen.returncode == 0 for pen in started)


def test_a_picture_of_an_earlier_edition_is_not_drawn_again(
    tmp_path: Path, started: list[Any]
) -> None:
    kept = tmp_path / "kept.json"
    with Pictures(VEGALITE) as first:
        old = first.draw(spec(20)).result()
        first.draw(spec(21))
        first.keep(kept)
    pens = len(started)
    with Pictures(VEGALITE, kept) as second:
        assert second.draw(spec(20)).result() == old
        second.keep(kept)
    assert len(started) == pens
    assert list(json.loads(kept.read_text()).values()) == [old]  # what is not shown is forgotten


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_earlier_pictures_that_cannot_be_read_cost_only_time(tmp_path: Path, text: str) -> None:
    (tmp_path / "kept.json").write_text(text)
    with Pictures(VEGALITE, tmp_path / "kept.json") as pictures:
        assert pictures.draw(spec(20)).result().startswith("<svg")


@pytest.mark.parametrize("asked", ["before it ends", "when it has ended"])
def test_a_pen_that_ends_is_said(
    monkeypatch: pytest.MonkeyPatch, started: list[Any], asked: str
) -> None:
    start = drawing.subprocess.Popen

    def ended(*arguments: Any, **more: Any) -> Any:
        pen = start(*arguments, **more)
        if asked == "when it has ended":
            pen.wait()  # so what is written to it breaks, and stays in the buffer
        return pen

    monkeypatch.setattr(drawing.subprocess, "Popen", ended)
    monkeypatch.setattr(drawing.sys, "executable", "/bin/false")
    with Pictures(VEGALITE) as pictures, pytest.raises(PenBrokeError):
        pictures.draw(spec(20)).result()
    assert all(pen.returncode is not None for pen in started)
