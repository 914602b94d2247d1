"""kill -9 in the middle of a rebuild: everybody is found, and the next builder comes to the end nobody disturbed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import select

from core.identity.rules import RuleEdit, edit_identifier
from core.profiles.build import find_rebuild, rebuild
from core.storage.tables import profiles
from core.workspaces.workspace import open_workspace
from tests.crash import work
from tests.feeding import Feed

PEOPLE = 400


@pytest.mark.crash
@pytest.mark.timeout(240)
def test_a_rebuild_killed_at_random_moments_loses_nobody_and_ends_like_one_that_was_left_alone(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)
    home = str(tmp_path)
    feed = Feed(open_workspace(home), ("email",), custom=("phone",))
    for number in range(PEOPLE):
        feed.identify(traits={"phone": f"+1{number}", "email": f"e{number}@x.example"})
    for number in range(PEOPLE):
        feed.identify(traits={"phone": f"+1{number}", "email": f"e{number ^ 1}@x.example"})
    edit_identifier(feed.workspace, feed.space_id, RuleEdit("phone", value_limit=1))
    edit_identifier(feed.workspace, feed.space_id, RuleEdit("email", value_limit=1))
    feed.build()
    before = feed.owners()
    edit_identifier(feed.workspace, feed.space_id, RuleEdit("phone", value_limit=50))
    edit_identifier(feed.workspace, feed.space_id, RuleEdit("email", value_limit=50))
    rebuild(feed.workspace, feed.space_id)
    killed = 0
    for longest in (0.15, 0.5, 0.9, 0.9):
        if not work.kill_after(chance.uniform(0.0, longest), work.build_again, home, feed.space_id):
            break
        killed += 1
        owners = feed.owners()
        with feed.workspace.database.reading() as connection:
            known = set(connection.execute(select(profiles.c.id)).scalars())
        assert before.keys() <= owners.keys() and set(owners.values()) <= known
    assert killed, "the rebuild ended before it could be killed"
    work.finish(work.build_again, home, feed.space_id)
    assert find_rebuild(feed.workspace, feed.space_id) is None
    after = feed.dump()
    assert len(set(before.values())) == PEOPLE
    assert len(set(feed.owners().values())) == PEOPLE // 2, "by the rules of now they are couples"
    feed.rebuild()
    feed.build()
    assert feed.dump() == after
    feed.workspace.close()
