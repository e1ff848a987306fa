"""Drawing: specifications of Vega-Lite in, pictures as SVG out, drawn on all cores, and none twice.

vl-convert draws one picture at a time in a process, so pens are processes of their own, which know nothing but vl-convert:
`python -m counterflow.drawing` takes a specification a line and gives a picture a line. A picture that was drawn before of the
same specification is taken from the file of the earlier ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from importlib.metadata import version
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self


class PenBrokeError(Exception):
    """A process that draws ended before its picture was done."""


class Pictures:
    """What draws the pictures of one edition. `earlier`: the file that an edition before it wrote, if there is one.

    A specification needs its version of Vega-Lite, as vl-convert names it ("5.20").
    """

    def __init__(self, vegalite: str, earlier: Path | None = None) -> None:
        self._vegalite = vegalite
        self._drawn_by = f"{version('vl-convert-python')} {vegalite}"
        self._earlier = _read(earlier)
        self._drawn: dict[str, Future[str]] = {}
        self._pens: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self._held = ExitStack()

    def __enter__(self) -> Self:
        # As many threads as pens: each thread has one while it waits for its picture.
        self._pool = self._held.enter_context(ThreadPoolExecutor(len(os.sched_getaffinity(0))))
        self._held.callback(self._end)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=error is not None)
        self._held.close()

    def draw(self, spec: dict[str, Any]) -> Future[str]:
        """The picture of a specification, when it is drawn. Raises PenBrokeError from the future."""
        text = json.dumps(spec)
        key = hashlib.sha256(f"{self._drawn_by} {text}".encode()).hexdigest()
        if key not in self._drawn:
            if key in self._earlier:
                self._drawn[key] = Future()
                self._drawn[key].set_result(self._earlier[key])
            else:
                self._drawn[key] = self._pool.submit(self._one, text)
        return self._drawn[key]

    def keep(self, path: Path) -> None:
        """Write the pictures of this edition, for the next one: what it does not show is forgotten."""
        drawn = {key: found.result() for key, found in self._drawn.items()}
        path.write_text(json.dumps(drawn, sort_keys=True), "utf-8")

    def _one(self, text: str) -> str:
        try:
            pen = self._pens.get_nowait()
        except Empty:
            pen = subprocess.Popen(
                [sys.executable, "-m", "counterflow.drawing", self._vegalite],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        try:
            assert pen.stdin is not None
            assert pen.stdout is not None
            try:
                pen.stdin.write(text.encode() + b"\n")
                pen.stdin.flush()
            except BrokenPipeError:
                raise PenBrokeError("a process that draws pictures ended") from None
            if not (line := pen.stdout.readline()).endswith(b"\n"):
                raise PenBrokeError("a process that draws pictures ended")
            return str(json.loads(line))
        finally:
            self._pens.put(pen)

    def _end(self) -> None:
        """End every pen: nothing more comes, so each ends by itself."""
        while not self._pens.empty():
            pen = self._pens.get()
            # Waits for it. What a pen that broke was not given is still buffered, and closing tries once more.
            with pen, suppress(BrokenPipeError):
                assert pen.stdin is not None
                pen.stdin.close()


def _read(path: Path | None) -> dict[str, str]:
    """What an earlier edition kept; nothing if it cannot be read, which costs only time."""
    try:
        found = json.loads(path.read_text("utf-8")) if path is not None else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def main(vegalite: str) -> None:
    """Be a pen: from standard input to standard output, until there is no more."""
    import vl_convert

    for line in sys.stdin:
        text = vl_convert.vegalite_to_svg(json.loads(line), vl_version=vegalite)
        sys.stdout.write(json.dumps(text) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
