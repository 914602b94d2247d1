"""The data source options of step 1 (W14), with the text that explains how each one connects (W10)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.errors import InvalidField


class Connection(StrEnum):
    """A sub-step of step 2, Add connections; the value is what a person reads (W24, W28, W31, W43, W53)."""

    WAREHOUSE = "Connect data warehouse"
    SQL_MODEL = "Define Model"
    MAPPING = "Create Mapping"
    WEBSITE = "Connect your website"
    MOBILE = "Connect your mobile apps"


@dataclass(frozen=True, slots=True)
class Branch:
    """One option of step 1. `connections` are the sub-steps of its step 2; an option without them is not offered.

    They are done in their order, all of them; with `any_connection`, one of them completes the step (W42).
    """

    name: str
    label: str
    summary: str
    explanation: str
    connections: tuple[Connection, ...] = ()
    any_connection: bool = False

    @property
    def is_offered(self) -> bool:
        """Whether all parts of this option exist."""
        return bool(self.connections)


PRODUCT_BRANCHES: tuple[Branch, ...] = (
    Branch(
        name="salesforce_warehouse",
        label="Salesforce and a data warehouse",
        summary="Contacts, accounts and leads of Salesforce, stored in a data warehouse that you own.",
        explanation=(
            "Salesforce objects are copied into your data warehouse. A SQL model then reads the warehouse, one row a "
            "customer, and a mapping sends each row to your profile space."
        ),
    ),
    Branch(
        name="warehouse",
        label="A data warehouse only",
        summary="Customer data that already lives in tables of a data warehouse.",
        explanation=(
            "Segment reads your data warehouse; it does not copy it.\n\n"
            "1. You connect the warehouse with a user that may read it.\n"
            "2. You write one SQL query, the **model**, that returns one row a customer, and see ten rows of it.\n"
            "3. You **map** its columns to the fields of a profile.\n\n"
            "Each sync then compares the rows with what was delivered before, and sends only what was added or "
            "changed to your profile space. The space and the source for Flex events are created for you now."
        ),
        connections=(Connection.WAREHOUSE, Connection.SQL_MODEL, Connection.MAPPING),
    ),
    Branch(
        name="website_or_mobile",
        label="A website or mobile app source",
        summary="What people do on your website, or in your iOS or Android app.",
        explanation=(
            "A snippet on your website, or a library in your mobile app, sends what people do there as events.\n\n"
            "1. You create a source; it has a **write key** that names it.\n"
            "2. You put the snippet into your site's header, or add the library to your app.\n"
            "3. You open your site or app once, and see here that its first views arrive.\n\n"
            "Connecting either one is enough. The events reach your profile space as they happen. The space and the "
            "source for Flex events are created for you now."
        ),
        connections=(Connection.WEBSITE, Connection.MOBILE),
        any_connection=True,
    ),
)
"""Exactly the three options of the product (W14)."""

BRANCHES: tuple[Branch, ...] = tuple(branch for branch in PRODUCT_BRANCHES if branch.is_offered)
"""The options that are offered: those whose parts exist."""

WARNING_TITLE = "Unable to change data source selection after this step"
WARNING_TEXT = (
    "After you choose a data source and continue, you cannot return to this page or choose another one. You can add "
    "more sources after the setup, on Your Segment Overview."
)
"""The warning of step 1 (W11, W12)."""


def get_branch(name: str) -> Branch:
    """Return the offered option with this name.

    Raises:
        InvalidField: There is none, or its parts do not exist yet; the hint lists what can be chosen.
    """
    for branch in BRANCHES:
        if branch.name == name:
            return branch
    offered = ", ".join(f"{branch.label} ({branch.name})" for branch in BRANCHES)
    known = next((branch.label for branch in PRODUCT_BRANCHES if branch.name == name), None)
    what = f"{known!r} cannot be set up yet." if known else f"There is no data source option {name!r}."
    raise InvalidField(what, hint=f"Choose one of: {offered}.")
