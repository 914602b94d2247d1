"""kill -9 in the middle of an undo that the worker does: whenever it was, the end is that of one nobody disturbed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from core.profiles.lookup import get_profile
from core.profiles.split_plan import Act
from core.profiles.splits import list_splits
from core.profiles.undo_jobs import list_undo_jobs, request_undo
from core.workspaces.workspace import open_workspace
from tests.crash import work
from tests.feeding import Feed

LONGEST_S = (0.1, 0.6)  # the first within what a fast machine takes; after a third kill the undo would be given up


@pytest.mark.crash
@pytest.mark.timeout(240)
def test_an_undo_killed_anywhere_leaves_what_was_and_is_done_by_the_next_worker(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)
    home = str(tmp_path)
    feed = Feed(open_workspace(home), custom=("phone",))
    feed.identify(anonymousId="web", traits={"email": "web@x.example"})
    for number in range(1_500):
        feed.identify(f"u{number}", traits={"phone": "+1"})
    feed.identify("u0", traits={"email": "web@x.example"})
    feed.build()
    (merge,) = get_profile(feed.workspace, feed.space_id, "user_id:u0").merges
    request_undo(feed.workspace, feed.space_id, Act.UNDO, merge.survivor_id, merge.merged_id)
    as_it_was, killed = feed.dump(), 0
    for longest in LONGEST_S:
        if work.kill_after(chance.uniform(0.0, longest), work.undo, home):
            killed += 1
            assert feed.dump() == as_it_was or list_undo_jobs(feed.workspace) == []
    work.finish(work.undo, home)
    undone = feed.dump()
    assert killed, "the undo ended before it could be killed"
    assert (list_undo_jobs(feed.workspace), len(list_splits(feed.workspace, feed.space_id))) == ([], 1)
    feed.rebuild()
    feed.build()
    assert feed.dump() == undone
    feed.workspace.close()
