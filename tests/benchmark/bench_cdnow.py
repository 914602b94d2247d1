"""Lifetime value of CDNOW's customers: learned in weeks 1-39, tested on what they spent in weeks 40-78.

    python tests/benchmark/bench_cdnow.py [cdnow.csv] [--library PYTHON]

The file has the columns customer_id, purchased_on, quantity, amount_usd (Fader and Hardie's research data set); it
becomes messages of an event log, so that the program's own reading, features and models are measured. Without a file
it is the sample of tests/data, or the first `--rows` customers of it. `PYTHON` is an interpreter that has the library
`lifetimes`, which fits the same purchases in the same run.

Trees need to see a window of the length they predict. Within 39 weeks there is none of 39 weeks, so they learn from
half of them what happens in the other half; for 39 weeks that is scaled by the ratio of both in the plain model.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import report

from core.clock import FixedClock, to_millis
from core.predictions.evaluation import measure_rank_correlation
from core.predictions.facts import Facts, open_facts
from core.predictions.features import People, plan_features
from core.predictions.learned import read_expected, read_matrix
from core.predictions.learners import Goal, grow_trees
from core.predictions.outcomes import find_eligible
from core.predictions.prediction import PredictionDefinition, PredictionKind, TargetEvent
from core.predictions.purchases import expect_spending, fit_spending, read_purchases
from core.workspaces.workspace import open_workspace
from tests.cdnow import (
    END,
    EVENT,
    FIRST_DAY,
    HELD_OUT_DAYS,
    LEARNED_DAYS,
    WINDOW_DAYS,
    feed_purchases,
    read_purchases_file,
)

HALF_DAYS = LEARNED_DAYS // 2
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
    parser = report.make_parser(__doc__, rows=2_357)
    parser.add_argument("file", nargs="?", type=Path, help="the purchases, as CSV")
    parser.add_argument("--library", metavar="PYTHON", help="an interpreter that has lifetimes")
    arguments = parser.parse_args(argv)
    found = report.Report("lifetime value of CDNOW's customers: weeks 1-39 learned, weeks 40-78 held out")
    rows = read_purchases_file(arguments.file) if arguments.file else _take(arguments.rows)
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(f"{folder}/home", clock=FixedClock(END))
        feed = feed_purchases(workspace, rows)
        with open_facts(workspace, feed.space_id, _define(WINDOW_DAYS), END) as facts:
            _compare(facts, found)
            _compare_window(facts, found)
            _compare_library(facts, found, arguments.library)
        workspace.close()
    found.print(as_json=arguments.json)
    return 0


def _take(customers: int) -> list[dict[str, str]]:
    rows = read_purchases_file()
    wanted = set(list(dict.fromkeys(row["customer_id"] for row in rows))[:customers])
    return [row for row in rows if row["customer_id"] in wanted]


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
