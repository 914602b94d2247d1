"""On real customers: those of CDNOW on whom BG/NBD was published, weeks 1-39 known, weeks 40-78 held out.

Source: Fader, Hardie, Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import orjson
import pytest

from core.clock import FixedClock, to_millis
from core.events.event_log import open_event_log
from core.predictions.bgnbd import Floats, expect_purchases, fit_bgnbd
from core.predictions.evaluation import measure_rank_correlation
from core.predictions.facts import DAY_MS, Facts, open_facts
from core.predictions.learned import read_learned
from core.predictions.outcomes import find_eligible, read_examples
from core.predictions.prediction import PredictionState, parse_definition
from core.predictions.purchases import read_purchases
from core.predictions.run import run_job
from core.predictions.store import create_prediction, read_learned_text
from core.sources.store import list_sources
from core.workspaces.workspace import Workspace, open_workspace
from tests.cdnow import DOCUMENT, END, FIRST_DAY, LEARNED_DAYS, WINDOW_DAYS, feed_purchases, read_purchases_file

pytestmark = pytest.mark.xdist_group("cdnow")  # so that it is made once

LEARNED_TO = FIRST_DAY + timedelta(days=LEARNED_DAYS)
DEFINITION = parse_definition("lifetime_value", DOCUMENT)


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, str]]:
    """The customers in a workspace whose clock stands at the end of a window after week 39."""
    clock = FixedClock(LEARNED_TO + timedelta(days=WINDOW_DAYS))
    workspace = open_workspace(str(tmp_path_factory.mktemp("cdnow") / "home"), clock=clock)
    yield workspace, feed_purchases(workspace, read_purchases_file()).space_id
    workspace.close()


def count_bought_days(facts: Facts) -> Floats:
    """Return on how many days each customer bought in weeks 40-78."""
    rows = facts.database.execute(
        "SELECT person, count(DISTINCT at_ms // ?) AS days FROM target WHERE at_ms >= ? GROUP BY person",
        [DAY_MS, to_millis(LEARNED_TO)],
    ).fetchnumpy()
    found = np.zeros(len(facts.profile_ids))
    found[rows["person"]] = rows["days"]
    return found


def test_weeks_40_to_78_are_foretold_as_well_as_published(cdnow: tuple[Workspace, str]) -> None:
    with open_facts(*cdnow, DEFINITION, END) as facts:
        _, known, _ = read_purchases(facts, to_millis(LEARNED_TO) - 1)  # the paper's weeks end on 30 September
        bought = count_bought_days(facts)
    assert (len(bought), known.frequency.sum(), bought.sum()) == (2_357, 2_457, 1_882), "it is the paper's sample"
    model = fit_bgnbd(known)
    assert [model.r, model.alpha, model.a, model.b] == pytest.approx([0.243, 4.414, 0.793, 2.426], rel=0.005)
    expected = expect_purchases(model, known, 39.0)
    assert np.corrcoef(expected, bought)[0, 1] == pytest.approx(0.626, abs=0.001)
    assert measure_rank_correlation(expected, bought) > 0.44
    everybody = np.full(len(bought), known.frequency.sum() / known.age.sum() * 39)
    for rate in (known.frequency / known.age * 39, everybody):
        assert np.abs(expected - bought).mean() < 0.8 * np.abs(rate - bought).mean(), "what went on does not go on"


def test_a_lifetime_value_that_trees_do_not_tell_better_is_what_purchases_alone_let_expect(
    cdnow: tuple[Workspace, str],
) -> None:
    workspace, space_id = cdnow
    ready = run_job(workspace, create_prediction(workspace, space_id, "lifetime_value", DOCUMENT).id)
    assert ready.state is PredictionState.READY
    report = ready.report
    with open_facts(*cdnow, DEFINITION, workspace.now()) as facts:
        at = to_millis(LEARNED_TO)
        asked = read_examples(facts, DEFINITION, 0, at)
        _, known, amounts = read_purchases(facts, at)
        eligible = find_eligible(facts, DEFINITION, 0, facts.as_of_ms)
    assert (report["cut_offs"][0], report["tested_on"]) == (at, len(asked.people))
    rate = (known.frequency * amounts / known.age)[asked.people] * WINDOW_DAYS / 7
    error = np.abs(rate - asked.happened).mean()
    assert report["baseline"]["mean_absolute_error"] < 0.7 * error
    assert report["trees"]["mean_absolute_error"] < 0.9 * error
    assert report["baseline"]["rank_correlation"] > max(0.4, measure_rank_correlation(rate, asked.happened))
    assert report["trees"]["rank_correlation"] > 0.3

    assert (report["used"], report["beats_baseline"], report["quality"]) == ("baseline", False, "Good")
    assert [each["subject"] for each in report["top"]] == ["value"]
    kept = read_learned_text(workspace, ready.id)
    assert kept is not None
    assert read_learned(kept).learner is None, "no trees are kept that nobody asks"
    assert report["scored"] == report["sent"] == len(eligible)
    (source,) = list_sources(workspace, kind="personas")
    event = open_event_log(workspace).search(source_id=source.id, limit=1)[0]
    message = orjson.loads(event.body)
    said = message["context"]["prediction"]
    assert said["amount"] == message["traits"]["predicted_lifetime_value_amount"] > 0
    (reason,) = said["reasons"]
    assert reason["text"].endswith("USD expected from how often and how much they bought")
