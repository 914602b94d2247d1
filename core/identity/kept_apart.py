"""Profiles kept apart: pairs that a person split and that must never become one again, whatever messages say.

A rule names two profile ids, and those are derived from the messages that made the profiles, so the rule outlives a
rebuild. It holds over everything merged into a would-be profile: where A and B are kept apart and A has gone into C,
then C and B are kept apart as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations


class KeptApart:
    """The rules of one space during one batch of messages.

    Args:
        pairs: The profile ids of each rule.
        survivors: What each profile id of `pairs` has become; an id that is left out is itself.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]], survivors: Mapping[str, str] | None = None) -> None:
        self._others: dict[str, set[str]] = {}
        for first, second in pairs:
            self._others.setdefault(first, set()).add(second)
            self._others.setdefault(second, set()).add(first)
        self._members: dict[str, set[str]] = {}
        for profile_id in self._others:
            survivor = (survivors or {}).get(profile_id, profile_id)
            self._members.setdefault(survivor, set()).add(profile_id)

    def find_pair(self, profile_ids: Sequence[str]) -> tuple[str, str] | None:
        """Return two profiles that would become one against a rule if all of `profile_ids` did; None if none would.

        Complexity: O(pairs of `profile_ids` x their members with a rule); one look-up each where none has a rule.
        """
        held = [self._members[profile_id] for profile_id in profile_ids if profile_id in self._members]
        for members, others in combinations(held, 2):
            for member in sorted(members):
                against = self._others[member] & others
                if against:
                    return member, min(against)
        return None

    def merge(self, survivor_id: str, merged_id: str) -> None:
        """Note that a profile has gone into another."""
        members = self._members.pop(merged_id, None)
        if members:
            self._members.setdefault(survivor_id, set()).update(members)
