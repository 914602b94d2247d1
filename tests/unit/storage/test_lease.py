"""Leases on both engines: one holder at a time, taken over when it is gone."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.clock import FixedClock
from core.errors import RunInProgress
from core.storage.lease import (
    Lease,
    hold_lease,
    is_holder_gone,
    is_lease_held,
    new_holder,
    pass_lease,
    release_lease,
    renew_lease,
    require_lease,
    take_lease,
)
from core.storage.tables import leases
from core.workspaces.workspace import Workspace


def test_a_lease_that_is_held_is_not_given_twice(store_workspace: Workspace, clock: FixedClock) -> None:
    database = store_workspace.database

    assert take_lease(database, "sync:a", "one", clock=clock) == Lease("sync:a", "one", 1)
    assert take_lease(database, "sync:a", "two", clock=clock) is None
    assert take_lease(database, "sync:b", "two", clock=clock) == Lease("sync:b", "two", 1)


def test_a_lease_that_ran_out_is_taken_over_with_a_larger_token(store_workspace: Workspace, clock: FixedClock) -> None:
    database = store_workspace.database
    first = take_lease(database, "sync:a", "one", ttl_s=20, clock=clock)
    assert first is not None
    clock.advance(timedelta(seconds=21))

    second = take_lease(database, "sync:a", "two", ttl_s=20, clock=clock)

    assert second == Lease("sync:a", "two", 2)
    assert not renew_lease(database, first, clock=clock)
    release_lease(database, first)  # the late first holder frees nothing
    assert is_lease_held(database, "sync:a", clock=clock)


def test_a_transaction_holds_a_free_lease_for_its_length_and_fences_out_who_ran_out_of_time(
    store_workspace: Workspace, clock: FixedClock
) -> None:
    database = store_workspace.database
    with database.transaction() as connection:
        assert not pass_lease(connection, "sync:a", clock=clock)  # there is no row yet to be locked
    late = take_lease(database, "sync:a", "one", ttl_s=20, clock=clock)
    assert late is not None
    with database.transaction() as connection:
        assert not pass_lease(connection, "sync:a", clock=clock)
    clock.advance(timedelta(seconds=21))
    others: list[Lease | None] = []
    other = threading.Thread(target=lambda: others.append(take_lease(database, "sync:a", "two", clock=clock)))
    with database.transaction() as connection:
        assert pass_lease(connection, "sync:a", clock=clock)
        other.start()
        other.join(0.1)
        assert not others
    other.join()
    assert others == [Lease("sync:a", "two", 3)]
    with database.transaction() as connection, pytest.raises(RunInProgress):
        require_lease(connection, late)


def test_renewing_keeps_a_lease(store_workspace: Workspace, clock: FixedClock) -> None:
    database = store_workspace.database
    lease = take_lease(database, "sync:a", "one", ttl_s=20, clock=clock)
    assert lease is not None
    clock.advance(timedelta(seconds=15))
    assert renew_lease(database, lease, ttl_s=20, clock=clock)
    clock.advance(timedelta(seconds=15))

    assert take_lease(database, "sync:a", "two", clock=clock) is None


def test_tokens_grow_over_releases(store_workspace: Workspace) -> None:
    tokens = []
    for _ in range(3):
        with hold_lease(store_workspace.database, "profiles:s") as lease:
            tokens.append(lease.token)
    assert tokens == [1, 2, 3]


def test_of_many_that_ask_at_once_one_gets_it(store_workspace: Workspace, clock: FixedClock) -> None:
    won: list[Lease] = []
    gate = threading.Barrier(8)

    def ask(number: int) -> None:
        gate.wait()
        lease = take_lease(store_workspace.database, "sync:a", f"holder {number}", clock=clock)
        if lease is not None:
            won.append(lease)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1


def test_who_comes_second_is_told_in_a_sentence(store_workspace: Workspace) -> None:
    with (
        hold_lease(store_workspace.database, "sync:a"),
        pytest.raises(RunInProgress, match="being worked on by another process") as caught,
        hold_lease(store_workspace.database, "sync:a"),
    ):
        pass
    assert caught.value.hint
    assert not is_lease_held(store_workspace.database, "sync:a")


def test_the_heartbeat_keeps_a_lease_longer_than_its_time(store_workspace: Workspace) -> None:
    database = store_workspace.database
    with hold_lease(database, "sync:a", ttl_s=0.2) as lease:
        with database.reading() as connection:
            first = connection.execute(select(leases.c.expires_at)).scalar_one()
        for _ in range(200):
            with database.reading() as connection:
                if connection.execute(select(leases.c.expires_at)).scalar_one() > first + timedelta(seconds=0.2):
                    break
            threading.Event().wait(0.02)
        else:
            pytest.fail("the lease was not renewed")
        assert lease.token == 1


def test_a_write_of_an_earlier_holder_is_fenced_off(store_workspace: Workspace, clock: FixedClock) -> None:
    database = store_workspace.database
    first = take_lease(database, "sync:a", "one", ttl_s=1, clock=clock)
    assert first is not None
    with database.transaction() as connection:
        require_lease(connection, first)
    clock.advance(timedelta(seconds=2))
    take_lease(database, "sync:a", "two", clock=clock)

    with pytest.raises(RunInProgress, match="taken over"), database.transaction() as connection:
        require_lease(connection, first)


def test_the_lease_of_a_killed_process_of_this_machine_is_free_at_once(store_workspace: Workspace) -> None:
    command = "from core.storage.lease import new_holder; print(new_holder())"
    holder = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout.strip()
    assert take_lease(store_workspace.database, "sync:a", holder, ttl_s=3600) is not None

    assert is_holder_gone(holder)
    assert not is_lease_held(store_workspace.database, "sync:a")
    assert take_lease(store_workspace.database, "sync:a", new_holder()) is not None


def test_a_process_of_another_machine_is_never_called_gone() -> None:
    assert not is_holder_gone("elsewhere/4026531836:1999999:abcd")
    assert not is_holder_gone("one")
    assert not is_holder_gone(new_holder())


def test_who_waits_gets_the_lease_of_a_holder_who_only_had_a_look(store_workspace: Workspace) -> None:
    database = store_workspace.database
    looking, refused = threading.Event(), threading.Event()

    def look() -> None:
        with hold_lease(database, "sync:a"):
            looking.set()
            refused.wait(30)

    looker = threading.Thread(target=look)
    looker.start()
    looking.wait(30)
    with pytest.raises(RunInProgress), hold_lease(database, "sync:a"):
        pass
    refused.set()
    with hold_lease(database, "sync:a", wait_s=30) as lease:
        assert lease.token == 2
    looker.join()
