"""Lifetime value of CDNOW's customers: learned in weeks 1-39, tested on what they spent in weeks 40-78.

    python tests/benchmark/bench_cdnow.py cdnow.csv [--library PYTHON]

The file has the columns customer_id, purchased_on, quantity, amount_usd (Fader and Hardie's research data set); it
becomes messages of an event log, so that the program's own reading, features and models are measured. Without a file,
`--rows` customers are invented by the published parameters. `PYTHON` is an interpreter that has the library
`lifetimes`, which fits the same purchases in the same run.

Trees need to see a window of the length they predict. Within 39 weeks there is none of 39 weeks, so they learn from
half of them what happens in the other half; for 39 weeks that is scaled by the ratio of both in the plain model.
"""

from __future__ import annotations

import csv
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import report

from core.clock import FixedClock, to_iso, to_millis
from core.events.event_log import open_event_log
from core.events.message import to_log_entry
from core.predictions.evaluation import measure_rank_correlation
from core.predictions.facts import Facts, open_facts
from core.predictions.features import People, plan_features
from core.predictions.learned import read_expected, read_matrix
from core.predictions.learners import Goal, grow_trees
from core.predictions.outcomes import find_eligible
from core.predictions.prediction import PredictionDefinition, PredictionKind, TargetEvent
from core.predictions.purchases import expect_spending, fit_spending, read_purchases
from core.workspaces.workspace import Workspace, open_workspace
from tests.feeding import SOURCE, Feed

FIRST_DAY = datetime(1997, 1, 1, tzinfo=UTC)
LEARNED_DAYS = HELD_OUT_DAYS = 39 * 7
HALF_DAYS = LEARNED_DAYS // 2
WINDOW_DAYS = 120
EVENT = "Order Completed"
_LIBRARY = """
import json, sys
from lifetimes import BetaGeoFitter
import pandas
rows = {name: pandas.Series(values) for name, values in json.load(sys.stdin).items()}
model = BetaGeoFitter()
model.fit(rows["frequency"], rows["recency"], rows["age"])
print(json.dumps(dict(model.params_)))
"""


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=2_000)
    parser.add_argument("file", nargs="?", type=Path, help="the purchases, as CSV")
    parser.add_argument("--library", metavar="PYTHON", help="an interpreter that has lifetimes")
    arguments = parser.parse_args(argv)
    whose = "CDNOW's customers" if arguments.file else "invented customers"
    found = report.Report(f"lifetime value of {whose}: weeks 1-39 learned, weeks 40-78 held out")
    rows = list(csv.DictReader(arguments.file.open(newline=""))) if arguments.file else list(_invent(arguments.rows))
    end = FIRST_DAY + timedelta(days=LEARNED_DAYS + HELD_OUT_DAYS)
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(f"{folder}/home", clock=FixedClock(end))
        feed = _feed(workspace, rows, end)
        with open_facts(workspace, feed.space_id, _define(WINDOW_DAYS), end) as facts:
            _compare(facts, found)
            _compare_window(facts, found)
            _compare_library(facts, found, arguments.library)
        workspace.close()
    found.print(as_json=arguments.json)
    return 0


def _invent(customers: int) -> Iterator[dict[str, str]]:
    """Yield purchases by the parameters that Fader, Hardie and Lee found for CDNOW."""
    chance = np.random.default_rng(7)
    for number in range(customers):
        day = float(chance.uniform(0, 84))
        rate, leaves = chance.gamma(0.243) / 4.414 / 7, chance.beta(0.793, 2.426)
        mean = 15.44 * 6.25 / chance.gamma(3.74)
        while day < LEARNED_DAYS + HELD_OUT_DAYS:
            at = FIRST_DAY + timedelta(days=int(day))
            amount = chance.gamma(6.25) * mean / 6.25
            yield {
                "customer_id": f"{number:05}",
                "purchased_on": f"{at:%Y-%m-%d}",
                "quantity": "1",
                "amount_usd": f"{amount:.2f}",
            }
            if chance.random() < leaves:
                break
            day += chance.exponential(1 / max(rate, 1e-9))


def _feed(workspace: Workspace, rows: Sequence[dict[str, str]], end: datetime) -> Feed:
    feed = Feed(workspace, types=("user_id",))
    entries = []
    for number, row in enumerate(rows):
        at = datetime.fromisoformat(row["purchased_on"]).replace(tzinfo=UTC)
        message: dict[str, Any] = {
            "type": "track",
            "event": EVENT,
            "userId": row["customer_id"],
            "messageId": f"cd-{number}",
            "timestamp": to_iso(at),
            "properties": {"revenue": float(row["amount_usd"]), "quantity": int(row["quantity"])},
        }
        entries.append(to_log_entry(SOURCE, message, end))
    open_event_log(workspace).append(entries)
    feed.build()
    return feed


def _define(window_days: int) -> PredictionDefinition:
    return PredictionDefinition(
        PredictionKind.LIFETIME_VALUE, window_days, (TargetEvent(EVENT),), amount_property="revenue"
    )


def _moment(days: int) -> int:
    return to_millis(FIRST_DAY + timedelta(days=days))


def _compare(facts: Facts, found: report.Report) -> None:
    """All customers, 39 weeks ahead."""
    people: People = np.arange(len(facts.profile_ids), dtype=np.int32)
    spent = _read_spent(facts, LEARNED_DAYS, HELD_OUT_DAYS)
    started = time.perf_counter()
    plain = expect_spending(facts, _moment(LEARNED_DAYS), HELD_OUT_DAYS)
    found.add(report.Measurement("BG/NBD and Gamma-Gamma, fit and predict", time.perf_counter() - started, len(people)))
    started = time.perf_counter()
    trees = _learn(facts, people, HALF_DAYS, LEARNED_DAYS - HALF_DAYS, LEARNED_DAYS)
    half = expect_spending(facts, _moment(LEARNED_DAYS), HALF_DAYS)
    trees *= plain.sum() / half.sum()
    found.add(report.Measurement("trees, grow and predict", time.perf_counter() - started, len(people)))
    _add_facts(found, "weeks 40-78, all customers", spent, {"plain": plain, "trees": trees})


def _compare_window(facts: Facts, found: report.Report) -> None:
    """Customers with two purchases, 120 days ahead: what the program itself asks and does."""
    learned_at = LEARNED_DAYS - WINDOW_DAYS
    people = find_eligible(facts, _define(WINDOW_DAYS), 0, _moment(LEARNED_DAYS))
    spent = _read_spent(facts, LEARNED_DAYS, WINDOW_DAYS)[people]
    plain = expect_spending(facts, _moment(LEARNED_DAYS), WINDOW_DAYS)[people]
    earlier = find_eligible(facts, _define(WINDOW_DAYS), 0, _moment(learned_at))
    trees = _learn(facts, earlier, learned_at, WINDOW_DAYS, LEARNED_DAYS, people)
    _add_facts(found, "120 days, two purchases or more", spent, {"plain": plain, "trees": trees})


def _learn(
    facts: Facts, people: People, learned_at: int, window: int, asked_at: int, asked: People | None = None
) -> np.ndarray:
    definition = _define(window)
    plan = plan_features(facts, definition, min(learned_at, 180), _moment(learned_at), [])

    def read(day: int, whose: People) -> np.ndarray:
        return read_matrix(facts, plan, _moment(day), whose, read_expected(facts, definition, _moment(day)))

    known = read(learned_at, people)
    spent = _read_spent(facts, learned_at, window)[people]
    held = people % 5 == 0
    trees = grow_trees(known[~held], spent[~held], (known[held], spent[held]), Goal.AMOUNT)
    return trees.predict(read(asked_at, people if asked is None else asked))


def _read_spent(facts: Facts, from_day: int, days: int) -> np.ndarray:
    rows = facts.database.execute(
        "SELECT person, sum(amount) AS amount FROM target WHERE at_ms >= ? AND at_ms < ? GROUP BY person",
        [_moment(from_day), _moment(from_day + days)],
    ).fetchnumpy()
    spent = np.zeros(len(facts.profile_ids))
    spent[rows["person"]] = rows["amount"]
    return spent


def _add_facts(found: report.Report, name: str, spent: np.ndarray, said: dict[str, np.ndarray]) -> None:
    said = said | {"the mean for everybody": np.full(len(spent), spent.mean())}
    for who, values in said.items():
        error, rank = np.abs(values - spent).mean(), measure_rank_correlation(values, spent)
        share = values.sum() / spent.sum()
        found.facts[f"{name}, {who}"] = (
            f"MAE {error:.2f} USD, rank correlation {rank:.3f}, sum {share:.2f} of the true one"
        )
    found.facts[f"{name}, people"] = f"{len(spent):,}, who spent {spent.mean():.2f} USD on average"


def _compare_library(facts: Facts, found: report.Report, python: str | None) -> None:
    _, purchases, amounts = read_purchases(facts, _moment(LEARNED_DAYS))
    started = time.perf_counter()
    model, _ = fit_spending(purchases, amounts)
    ours = time.perf_counter() - started
    found.add(report.Measurement("our fit of both models", ours, len(purchases.age)))
    found.facts["our parameters"] = f"r {model.r:.4f}, alpha {model.alpha:.4f}, a {model.a:.4f}, b {model.b:.4f}"
    if python is None:
        found.not_measured["lifetimes"] = "no interpreter that has it was given"
        return
    rows = {name: getattr(purchases, name).tolist() for name in ("frequency", "recency", "age")}
    command = [python, "-W", "ignore", "-c", _LIBRARY]
    answer = subprocess.run(command, input=json.dumps(rows), capture_output=True, text=True, check=True)
    theirs = json.loads(answer.stdout)
    words = ", ".join(f"{name} {value:.4f}" for name, value in theirs.items())
    found.facts["parameters of lifetimes"] = words


if __name__ == "__main__":
    report.run(main)
