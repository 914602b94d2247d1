"""One identity rule: how far an identifier is trusted to tie messages to a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from core.errors import InvalidField

DEFAULT_VALUE_LIMIT = 5
MAX_VALUE_LIMIT = 1_000
MAX_BLOCKED_VALUES = 500
MAX_BLOCKED_CHARS = 200
SUGGESTED_BLOCKED_EXACT = ("-1", "null", "anonymous")
SUGGESTED_BLOCKED_PATTERNS = ("^[0-]*$",)

_DAY_MS = 86_400_000


class Identifier(NamedTuple):
    """One identifier value, in the form it is compared in."""

    type: str
    value: str


class Period(StrEnum):
    """The time in which a profile may have so many values of an identifier."""

    EVER = "ever"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    ANNUALLY = "annually"

    @property
    def length_ms(self) -> int | None:
        """Length in ms (30 days a month, 365 a year); None: without end."""
        days = {"daily": 1, "weekly": 7, "monthly": 30, "annually": 365}.get(self.value)
        return None if days is None else days * _DAY_MS


PERIODS = tuple(period.value for period in Period)


@dataclass(frozen=True, slots=True)
class IdentifierRule:
    """How one identifier is trusted. `priority` 1 is the highest; `external_only` ones were added by themselves.

    A custom one is read from the trait or property `key` (None: its type), in both spellings; `in_properties` says that
    an e-mail is read from properties, too.
    """

    type: str
    priority: int
    value_limit: int = DEFAULT_VALUE_LIMIT
    period: Period = Period.EVER
    blocked_exact: tuple[str, ...] = SUGGESTED_BLOCKED_EXACT
    blocked_patterns: tuple[str, ...] = SUGGESTED_BLOCKED_PATTERNS
    custom: bool = False
    external_only: bool = False
    key: str | None = None
    in_properties: bool = False

    @property
    def trait_key(self) -> str:
        """The key under which traits hold it, in snake_case."""
        return self.key or self.type


def default_rule(type_: str) -> IdentifierRule:
    """Return the settings a default identifier starts with: one user id for a person, five of anything else."""
    return IdentifierRule(type_, 0, 1 if type_ == "user_id" else DEFAULT_VALUE_LIMIT)


def default_order(type_: str) -> tuple[int, str]:
    """Return the sort key of the default priorities: user_id, email, then by name."""
    return ({"user_id": 0, "email": 1}.get(type_, 2), type_)


def with_settings(
    rule: IdentifierRule,
    value_limit: int | None,
    period: str | None,
    blocked_exact: Sequence[str] | None,
    blocked_patterns: Sequence[str] | None,
) -> IdentifierRule:
    """Return `rule` with the settings that are not None, each checked; patterns are checked by `blocked`.

    Raises:
        InvalidField: A limit below 1, an unknown period, or an empty, long or many-fold blocked value.
    """
    if value_limit is not None:
        is_whole = isinstance(value_limit, int) and not isinstance(value_limit, bool)
        if not is_whole or not 1 <= value_limit <= MAX_VALUE_LIMIT:
            raise InvalidField(
                f"The value limit of {rule.type} cannot be {value_limit!r}.",
                hint=f"Use a whole number from 1 to {MAX_VALUE_LIMIT}.",
            )
        rule = replace(rule, value_limit=value_limit)
    if period is not None:
        if period not in set(Period):
            raise InvalidField(
                f"The period of {rule.type} cannot be {period!r}.", hint=f"Use one of {', '.join(Period)}."
            )
        rule = replace(rule, period=Period(period))
    if blocked_exact is not None:
        rule = replace(rule, blocked_exact=_check_blocked(rule.type, [text.strip() for text in blocked_exact]))
    if blocked_patterns is not None:
        rule = replace(rule, blocked_patterns=_check_blocked(rule.type, blocked_patterns))
    return rule


def _check_blocked(type_: str, texts: Sequence[str]) -> tuple[str, ...]:
    if len(texts) > MAX_BLOCKED_VALUES or any(not 0 < len(text) <= MAX_BLOCKED_CHARS for text in texts):
        raise InvalidField(
            f"The blocked values of {type_} cannot be saved: one is empty or too long, or there are too many.",
            hint=f"Use at most {MAX_BLOCKED_VALUES} values of 1 to {MAX_BLOCKED_CHARS} characters.",
        )
    return tuple(dict.fromkeys(texts))
