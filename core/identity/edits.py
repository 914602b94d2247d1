"""A change of the identity rules, before it is saved: what would stand there if somebody agreed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.errors import IllegalTransition, InvalidField, NotFound
from core.identity.blocked import check_pattern
from core.identity.identifiers import DEFAULT_TYPES
from core.identity.rule import DEFAULT_VALUE_LIMIT, IdentifierRule, default_order, default_rule, with_settings

_KEY = re.compile(r"[a-z][a-z0-9_.]{0,63}")


@dataclass(frozen=True, slots=True)
class RuleEdit:
    """A change of one identifier: what is not None. `is_added` makes it, `is_deleted` takes it away.

    `key` is the trait or property of a custom one, `in_properties` whether an e-mail is read from properties, too.
    """

    type: str
    value_limit: int | None = None
    period: str | None = None
    priority: int | None = None
    blocked_exact: Sequence[str] | None = None
    blocked_patterns: Sequence[str] | None = None
    key: str | None = None
    in_properties: bool | None = None
    is_added: bool = False
    is_deleted: bool = False


def propose(rules: Sequence[IdentifierRule], edits: Sequence[RuleEdit]) -> list[IdentifierRule]:
    """Return the rules after `edits`, highest priority first and numbered from 1. Changes nothing.

    Raises:
        NotFound: The space has no such identifier.
        IllegalTransition: The last identifier would be deleted.
        InvalidField: A setting is not valid, or an identifier is added that is there already.
    """
    proposed = list(rules)
    for edit in edits:
        proposed = _apply(proposed, edit)
    return proposed


def find_rule(rules: Sequence[IdentifierRule], type_: str) -> IdentifierRule:
    """Return the rule of an identifier.

    Raises:
        NotFound: There is none.
    """
    for rule in rules:
        if rule.type == type_:
            return rule
    raise NotFound(f"The space has no identifier {type_!r}.", hint="Reload the list; somebody may have deleted it.")


def add_rules(rules: Sequence[IdentifierRule], new: Sequence[IdentifierRule]) -> list[IdentifierRule]:
    """Return `rules` with `new` ones among them: in their place of the default order, last in an order of a person.

    That it is a person's is told by the order itself.

    Raises:
        InvalidField: One is there already, and not only because it was seen in externalIds.
    """
    by_type = {rule.type: rule for rule in rules}
    for rule in new:
        existing = by_type.get(rule.type)
        if existing is not None and not existing.external_only:
            raise InvalidField(
                f"The identifier {rule.type} is there already.", hint="Edit it in the list, or choose another one."
            )
    names = {rule.type for rule in new}
    is_default_order = [rule.type for rule in rules] == sorted(by_type, key=default_order)
    ordered = [rule for rule in rules if rule.type not in names]
    ordered += sorted(new, key=lambda rule: default_order(rule.type))
    if is_default_order:
        ordered.sort(key=lambda rule: default_order(rule.type))
    return number(ordered)


def delete_rule(rules: Sequence[IdentifierRule], type_: str) -> list[IdentifierRule]:
    """Return `rules` without one.

    Raises:
        NotFound: There is none.
        IllegalTransition: It is the last one.
    """
    rule = find_rule(rules, type_)
    if len(rules) == 1:
        raise IllegalTransition(
            f"{type_} is the last identifier and cannot be deleted.",
            hint="Add another identifier first: without one no message can be matched to a profile.",
        )
    return number([other for other in rules if other is not rule])


def make_custom(name: str) -> IdentifierRule:
    """Return the rule of a custom identifier with default settings, read from the trait or property of its name.

    Raises:
        InvalidField: The name cannot be used, or is that of a default identifier.
    """
    type_ = _to_key(name, "name")
    if type_ in DEFAULT_TYPES:
        raise InvalidField(
            f"{type_} is a default identifier.", hint="Choose it from the default identifiers instead of creating it."
        )
    return IdentifierRule(type_, 0, DEFAULT_VALUE_LIMIT, custom=True)


def with_checked(rule: IdentifierRule, edit: RuleEdit) -> IdentifierRule:
    """Return `rule` with the settings of `edit`, each checked; its place is left as it is.

    Raises:
        InvalidField: A setting is not valid.
    """
    for pattern in edit.blocked_patterns or ():
        check_pattern(pattern)
    rule = with_settings(rule, edit.value_limit, edit.period, edit.blocked_exact, edit.blocked_patterns)
    if edit.key is not None:
        if not rule.custom or rule.external_only:
            raise InvalidField(
                f"The key of {rule.type} cannot be set.", hint="Create a custom identifier that is read from this key."
            )
        key = _to_key(edit.key, "key")
        rule = replace(rule, key=None if key == rule.type else key)
    if edit.in_properties is not None:
        if rule.type != "email" or rule.external_only:
            raise InvalidField(
                f"Whether {rule.type} is read from properties cannot be set.",
                hint="Set it for email; a custom identifier is read from traits and properties.",
            )
        rule = replace(rule, in_properties=edit.in_properties)
    return rule


def number(rules: Sequence[IdentifierRule]) -> list[IdentifierRule]:
    """Return `rules` with the priorities of their places."""
    return [replace(rule, priority=place) for place, rule in enumerate(rules, 1)]


def _to_key(text: str, what: str) -> str:
    key = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text.strip()).lower()
    if not _KEY.fullmatch(key):
        raise InvalidField(
            f"{text!r} cannot be the {what} of an identifier.",
            hint="Use the name of a trait or property: a letter, then up to 63 letters, digits, dots and underscores.",
        )
    return key


def _apply(rules: list[IdentifierRule], edit: RuleEdit) -> list[IdentifierRule]:
    if edit.is_deleted:
        return delete_rule(rules, edit.type)
    type_ = edit.type
    if edit.is_added:
        new = default_rule(type_) if type_ in DEFAULT_TYPES else make_custom(type_)
        rules, type_ = add_rules(rules, [new]), new.type
    rule = find_rule(rules, type_)
    changed = with_checked(rule, edit)
    if edit.priority is not None and (isinstance(edit.priority, bool) or not 1 <= edit.priority <= len(rules)):
        raise InvalidField(
            f"The priority of {type_} cannot be {edit.priority}.", hint=f"Use a whole number from 1 to {len(rules)}."
        )
    ordered = [other for other in rules if other is not rule]
    ordered.insert((rule.priority if edit.priority is None else edit.priority) - 1, changed)
    return number(ordered)
