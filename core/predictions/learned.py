"""What a training has learned, as it is kept, and what it says of people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from core.predictions.bgnbd import Floats
from core.predictions.evaluation import rank_shares
from core.predictions.facts import Facts
from core.predictions.features import VALUE, Feature, FeaturePlan, People, read_features
from core.predictions.learners import Calibrator, Learner, read_learner
from core.predictions.outcomes import find_eligible
from core.predictions.prediction import PredictionDefinition, PredictionKind
from core.predictions.purchases import expect_spending
from core.predictions.reasons import Contribution, Reason, Words, list_contributions, list_reasons

EXPECTED = Feature(VALUE, "", "value")
_AT_ONCE = 50_000
"""People whose features are held in memory together: some 80 MB."""
_MOST_EXPLAINED = 50_000
"""People whose contributions are added up for the list of what weighs most: enough for any order."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What is said of n people: a probability or an amount, and the share of people placed no higher.

    `expected` is what purchases alone let expect of everybody, by person; None where no amount is asked for.
    """

    people: People
    values: Floats
    shares: Floats
    expected: Floats | None


@dataclass(frozen=True, slots=True)
class Learned:
    """What scoring needs. Without a learner an amount is what purchases alone let expect."""

    plan: FeaturePlan
    learner: Learner | None
    calibrator: Calibrator
    is_amount: bool

    @property
    def features(self) -> list[Feature]:
        """The columns in their order."""
        return self.plan.list_features() + ([EXPECTED] if self.is_amount else [])

    def predict(self, matrix: Floats) -> Floats:
        """Return a probability or an amount for each row of `read_matrix`."""
        if self.learner is None:
            found: Floats = matrix[:, -1]
            return found
        return self.calibrator.apply(self.learner.predict(matrix))

    def score(self, facts: Facts, definition: PredictionDefinition) -> Scores:
        """Return what is said of everybody who is asked about at the moment at which the facts end.

        Complexity: O(messages in the window), a part of the people at a time: memory does not grow with them.
        """
        people = find_eligible(facts, definition, self.plan.window_days, facts.as_of_ms)
        expected = read_expected(facts, definition, facts.as_of_ms)
        values = np.zeros(len(people))
        for start in range(0, len(people), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            values[part] = self.predict(read_matrix(facts, self.plan, facts.as_of_ms, people[part], expected))
        return Scores(people, values, rank_shares(values) if len(values) else values, expected)

    def explain(self, facts: Facts, scores: Scores, people: Sequence[int], words: Words) -> Iterator[list[Reason]]:
        """Yield the reasons of each of these people, in their order; a part of them at a time."""
        for start in range(0, len(people), _AT_ONCE):
            part = np.array(people[start : start + _AT_ONCE], dtype=np.int32)
            yield from self._explain(read_matrix(facts, self.plan, facts.as_of_ms, part, scores.expected), words)

    def weigh(self, matrix: Floats) -> list[Contribution]:
        """Return what weighs most in the predictions for these rows."""
        step = max(1, len(matrix) // _MOST_EXPLAINED)
        if self.learner is None:
            return [Contribution(VALUE, "", 1.0)]
        return list_contributions(self.learner, self.features, matrix[::step])

    def to_text(self) -> str:
        """Return it as JSON text; `read_learned` reads it."""
        document = {
            "plan": self.plan.to_document(),
            "learner": self.learner.to_document() if self.learner else None,
            "calibrator": [list(self.calibrator.points), list(self.calibrator.values)],
            "is_amount": self.is_amount,
        }
        return orjson.dumps(document).decode()

    def _explain(self, matrix: Floats, words: Words) -> Iterator[list[Reason]]:
        if self.learner is not None:
            yield from list_reasons(self.learner, self.features, matrix, words)
            return
        for row in matrix:
            yield [Reason(words.describe(EXPECTED, float(row[-1])), True, 0.0)]


def read_learned(text: str) -> Learned:
    """Return what `Learned.to_text` wrote."""
    document: dict[str, Any] = orjson.loads(text)
    plan = document["plan"]
    return Learned(
        FeaturePlan(plan["window_days"], tuple(plan["events"]), tuple(plan["traits"]), plan["has_amounts"]),
        read_learner(document["learner"]) if document["learner"] else None,
        Calibrator(*(tuple(values) for values in document["calibrator"])),
        document["is_amount"],
    )


def read_expected(facts: Facts, definition: PredictionDefinition, cut_off_ms: int) -> Floats | None:
    """Return what purchases alone let expect of everybody, by person; None where no amount is asked for.

    Raises:
        NotEnoughData: Too few people bought twice before the cut-off.
    """
    if definition.kind is not PredictionKind.LIFETIME_VALUE:
        return None
    return expect_spending(facts, cut_off_ms, definition.window_days)


def read_matrix(facts: Facts, plan: FeaturePlan, cut_off_ms: int, people: People, expected: Floats | None) -> Floats:
    """Return the features of n people, with a column of what is `expected` of them where that is given."""
    matrix = read_features(facts, plan, cut_off_ms, people)
    return matrix if expected is None else np.column_stack([matrix, expected[people]])
