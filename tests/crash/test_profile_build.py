"""kill -9 in the middle of a profile build, twelve times: the end is that of a build nobody disturbed."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from core.events.event_log import open_event_log
from core.profiles.build import ProfileBuilder
from core.traits.engine import ComputedTraitEngine
from core.workspaces.workspace import open_workspace
from tests.crash import work
from tests.property.test_profiles import append, make_workspace, read_people, read_traits

KILLS = 12


@pytest.mark.crash
@pytest.mark.timeout(240)
def test_a_build_killed_at_random_moments_ends_like_one_that_was_left_alone(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)
    home = tmp_path / "home"
    workspace, space_id, source_id = make_workspace(str(home), limit=3)
    messages = [
        (
            chance.choice([None, chance.randrange(900)]),
            chance.randrange(900),
            chance.choice([None, chance.randrange(900)]),
        )
        for _ in range(6_000)
    ]
    append(workspace, source_id, messages)
    open_event_log(workspace).close()
    workspace.close()
    left_alone = tmp_path / "left_alone"
    shutil.copytree(home, left_alone)

    killed = 0
    for _ in range(3 * KILLS):
        if killed == KILLS:
            break
        killed += work.kill_after(chance.uniform(0.0, 0.15), work.build_profiles, str(home), space_id)
    ended = []
    for folder in (home, left_alone):
        opened = open_workspace(str(folder))
        ProfileBuilder(opened, space_id, ComputedTraitEngine(), batch_messages=40).build()
        ended.append((read_people(opened), read_traits(opened)))
        open_event_log(opened).close()
        opened.close()
    assert killed >= KILLS // 2, "the builds ended before they could be killed"
    assert ended[0] == ended[1]
