"""`make bench`, `make bench-large`, `make bench-check`: which parts, how often, where; out: the page, or a verdict.

What a part measured is recorded and the page is written as soon as it ends, so that one that fails loses nothing of the others.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

from counterflow.bench import checking, page, plot, results
from counterflow.bench.measuring import say
from counterflow.bench.options import SIZES, Options
from counterflow.bench.parts import HUGE, LARGE, PARTS, Measure
from counterflow.bench.results import Part
from counterflow.bench.targets import table, targets
from counterflow.settings import PROJECT


def main(arguments: list[str] | None = None) -> int:
    """Measure; 1 if a part failed or, with `--check`, a ratio grew. A target that is missed is no failure."""
    told = _told(arguments)
    options = Options(told.folder.resolve(), told.repeat, tuple(told.sizes))
    options.folder.mkdir(parents=True, exist_ok=True)
    docs = options.docs
    known = {**PARTS, **LARGE, **HUGE}
    chosen: dict[str, Measure] = {**LARGE} if told.large else {} if told.huge else {**PARTS}
    chosen |= HUGE if told.huge else {}
    if told.only:
        chosen = {name: known[name] for name in told.only}
    if told.page:
        chosen = {}
    recorded, measured, failed = results.load(docs), [], []
    for name, measure in chosen.items():
        part = _part(name, measure, options)
        if part is None:
            failed.append(name)
            continue
        measured.append(part)
        if not told.check:
            results.record(part, docs)
            write(docs)
    if told.check:
        return _checked(recorded, measured, failed)
    parts = write(docs)
    written = page.sections((docs / page.FILE).read_text("utf-8"))[1]
    print("\n".join(table(targets(parts, written))))
    for name in failed:
        print(f"{name} failed: what was recorded of it before stands", file=sys.stderr)
    return 1 if failed else 0


def write(docs: Path) -> dict[str, Part]:
    """Write picture and page from all that is recorded, which is returned."""
    parts = results.load(docs)
    nights = {n: s for part in parts.values() for n, s in part.nights.items() if n.isdecimal()}
    if nights:
        plot.draw(nights, docs)
    page.write(parts, docs)
    return parts


def _part(name: str, measure: Measure, options: Options) -> Part | None:
    started = time.perf_counter()
    say(f"== {name}")
    try:
        part = measure(options)
    except Exception:  # noqa: BLE001 - whatever it is, the other parts are measured
        traceback.print_exc()
        return None
    say(f"== {name}: {(time.perf_counter() - started) / 60:.1f} min")
    return part


def _checked(recorded: dict[str, Part], measured: list[Part], failed: list[str]) -> int:
    found = checking.compare(recorded, measured)
    print("\n".join(map(str, found)))
    wrong = checking.verdict(found) or (f"not measured: {', '.join(failed)}" if failed else "")
    print(wrong or f"{len(found)} ratios are what they were")
    return 1 if wrong else 0


def _told(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m counterflow.bench", description=__doc__)
    names = (*PARTS, *LARGE, *HUGE)
    parser.add_argument("--only", action="append", choices=names, help="this part; may be repeated")
    parser.add_argument(
        "--repeat", type=int, default=5, help="runs of what takes less than a minute"
    )
    parser.add_argument("--large", action="store_true", help="1.6 million cases")
    parser.add_argument("--huge", action="store_true", help="16 million cases, once")
    parser.add_argument("--check", action="store_true", help="compare ratios, write nothing")
    parser.add_argument("--page", action="store_true", help="only write the page anew")
    parser.add_argument("--folder", type=Path, default=PROJECT / "var" / "bench")
    parser.add_argument(
        "--sizes", type=int, nargs=4, default=SIZES,
        help="cases of the four worlds; what others than these give is written into the folder, not into docs/",
    )  # fmt: skip
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
