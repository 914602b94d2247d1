"""What a benchmark prints: one small table for people, one JSON document for `--json`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


@dataclass(frozen=True)
class Measurement:
    """One thing measured; `seconds` is the best of the runs, `rows` what it worked through."""

    name: str
    seconds: float
    rows: int
    runs: tuple[float, ...] = ()
    note: str = ""

    @property
    def rows_per_s(self) -> float:
        return self.rows / self.seconds if self.seconds else 0.0


@dataclass
class Report:
    """The measurements of one benchmark, the ratios between them and what could not be measured."""

    title: str
    measurements: list[Measurement] = field(default_factory=list)
    ratios: dict[str, float] = field(default_factory=dict)
    not_measured: dict[str, str] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)

    def add(self, measurement: Measurement) -> Measurement:
        self.measurements.append(measurement)
        return measurement

    def to_dict(self) -> dict[str, object]:
        machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "load_1m": round(os.getloadavg()[0], 2)}
        rows = [{**asdict(each), "rows_per_s": round(each.rows_per_s)} for each in self.measurements]
        return {
            "title": self.title,
            "machine": machine,
            "measurements": rows,
            "ratios": {name: round(value, 2) for name, value in self.ratios.items()},
            "facts": self.facts,
            "not_measured": self.not_measured,
        }

    def print(self, *, as_json: bool) -> None:
        if as_json:
            print(json.dumps(self.to_dict()))
            return
        print(self.title)
        width = max((len(each.name) for each in self.measurements), default=0)
        for each in self.measurements:
            rate = f"{each.rows_per_s:>12,.0f} /s" if each.rows > 1 else " " * 15
            print(f"  {each.name:<{width}}  {each.seconds * 1000:>10,.1f} ms  {rate}  {each.note}".rstrip())
        for name, value in self.ratios.items():
            print(f"  {name}: {value:.2f}")
        for name, fact in self.facts.items():
            print(f"  {name}: {fact}")
        for name, reason in self.not_measured.items():
            print(f"  {name}: not measured ({reason})")


def measure(name: str, rows: int, work: Callable[[], object], *, repeat: int = 3, note: str = "") -> Measurement:
    """Run `work` `repeat` times and return the best: the others were disturbed by something."""
    runs = []
    for _ in range(max(repeat, 1)):
        started = time.perf_counter()
        work()
        runs.append(time.perf_counter() - started)
    return Measurement(name, min(runs), rows, tuple(round(run, 4) for run in runs), note)


def make_parser(description: str | None, *, rows: int) -> argparse.ArgumentParser:
    """Return a parser with the arguments that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rows", type=int, default=rows, help=f"how many rows (default {rows:,})")
    parser.add_argument("--repeat", type=int, default=3, help="how often; the best counts (default 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def run(main: Callable[[Sequence[str]], int]) -> None:
    """Run a benchmark as a script."""
    sys.exit(main(sys.argv[1:]))
