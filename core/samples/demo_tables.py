"""The tables of the demo warehouse: columns, engine types and the comments that the catalog shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoColumn:
    """One column: its name, its DuckDB type and, where the name does not say it, what it holds."""

    name: str
    type: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class DemoTable:
    """One table of the demo, its columns in the order in which rows are made."""

    schema: str
    name: str
    comment: str
    columns: tuple[DemoColumn, ...]

    def statements(self) -> Iterable[str]:
        """Yield the DDL that makes the table and its comments."""
        place = f"{self.schema}.{self.name}"
        columns = ", ".join(f'"{column.name}" {column.type}' for column in self.columns)
        yield f"CREATE TABLE {place} ({columns})"
        yield f"COMMENT ON TABLE {place} IS {_quote(self.comment)}"
        for column in self.columns:
            if column.comment:
                yield f'COMMENT ON COLUMN {place}."{column.name}" IS {_quote(column.comment)}'


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _columns(text: str) -> tuple[DemoColumn, ...]:
    columns = []
    for line in text.strip().splitlines():
        name, kind, *comment = (part.strip() for part in line.split("|"))
        columns.append(DemoColumn(name, kind, comment[0] if comment else None))
    return tuple(columns)


ACCOUNTS = DemoTable(
    "salesforce",
    "accounts",
    "Salesforce accounts: one per household or small business",
    _columns("""
        ID | VARCHAR | Salesforce ID, 18 characters, unique
        NAME | VARCHAR
        TYPE | VARCHAR
        INDUSTRY | VARCHAR
        PHONE | VARCHAR | As typed by the agent, in any format
        BILLING_STREET | VARCHAR
        BILLING_CITY | VARCHAR
        BILLING_STATE | VARCHAR
        BILLING_POSTAL_CODE | VARCHAR
        BILLING_COUNTRY | VARCHAR | Mostly ISO codes, some spelled out
        ANNUAL_REVENUE | DECIMAL(18,2)
        NUMBER_OF_EMPLOYEES | INTEGER
        WEBSITE | VARCHAR
        DESCRIPTION | VARCHAR
        SERVICE_TIER__C | VARCHAR | Service contract: Basic, Comfort or Premium
        CREATED_DATE | TIMESTAMP WITH TIME ZONE
        SYSTEM_MODSTAMP | TIMESTAMP WITH TIME ZONE | Last change, by a person or by Salesforce
        IS_DELETED | BOOLEAN
    """),
)
CONTACTS = DemoTable(
    "salesforce",
    "contacts",
    "Salesforce contacts: one row per customer, some customers twice",
    _columns("""
        ID | VARCHAR | Salesforce ID, 18 characters, unique
        ACCOUNT_ID | VARCHAR | ID of the account (household)
        SALUTATION | VARCHAR
        FIRST_NAME | VARCHAR
        LAST_NAME | VARCHAR
        NAME | VARCHAR
        EMAIL | VARCHAR | As typed: mixed case, stray spaces
        PHONE | VARCHAR | As typed by the agent, in any format; families share one
        MOBILE_PHONE | VARCHAR
        BIRTHDATE | DATE
        MAILING_STREET | VARCHAR
        MAILING_CITY | VARCHAR
        MAILING_STATE | VARCHAR
        MAILING_POSTAL_CODE | VARCHAR
        MAILING_COUNTRY | VARCHAR | Mostly ISO codes, some spelled out
        LEAD_SOURCE | VARCHAR
        HAS_OPTED_OUT_OF_EMAIL | BOOLEAN
        DESCRIPTION | VARCHAR | Free text of the service team, up to 20 KB
        PREFERRED_LANGUAGE__C | VARCHAR
        ROOF_AREA_M2__C | DECIMAL(7,2) | Usable roof area in square metres
        LAST_SERVICE_AT__C | TIMESTAMP WITH TIME ZONE
        CREATED_DATE | TIMESTAMP WITH TIME ZONE
        SYSTEM_MODSTAMP | TIMESTAMP WITH TIME ZONE | Last change, by a person or by Salesforce
        IS_DELETED | BOOLEAN
    """),
)
LEADS = DemoTable(
    "salesforce",
    "leads",
    "Salesforce leads: prospects, and customers from before they were customers",
    _columns("""
        ID | VARCHAR | Salesforce ID, 18 characters, unique
        FIRST_NAME | VARCHAR
        LAST_NAME | VARCHAR
        COMPANY | VARCHAR
        EMAIL | VARCHAR | As typed: mixed case, stray spaces
        PHONE | VARCHAR | As typed, in any format
        STREET | VARCHAR
        CITY | VARCHAR
        STATE | VARCHAR
        POSTAL_CODE | VARCHAR
        COUNTRY | VARCHAR | Mostly ISO codes, some spelled out
        STATUS | VARCHAR
        LEAD_SOURCE | VARCHAR
        PRODUCT_INTEREST__C | VARCHAR
        EXPECTED_AMOUNT__C | DECIMAL(18,2)
        IS_CONVERTED | BOOLEAN
        CREATED_DATE | TIMESTAMP WITH TIME ZONE
        SYSTEM_MODSTAMP | TIMESTAMP WITH TIME ZONE | Last change, by a person or by Salesforce
        IS_DELETED | BOOLEAN
    """),
)
ORDERS = DemoTable(
    "main",
    "orders",
    "Orders of the installation business; refunds have negative amounts",
    _columns("""
        order_id | BIGINT | Unique
        contact_id | VARCHAR | ID of salesforce.contacts; empty for guests
        ordered_at | TIMESTAMP WITH TIME ZONE
        time_zone | VARCHAR | Where the customer lives
        status | VARCHAR
        amount | DECIMAL(12,2) | In the order's currency
        tax | DECIMAL(12,4)
        currency | VARCHAR
        line_items | JSON | Products, quantities and prices
        installed_on | DATE
    """),
)
SUPPORT_TICKETS = DemoTable(
    "main",
    "support_tickets",
    "Cases of the contact centre",
    _columns("""
        ticket_id | UUID | Unique
        contact_id | VARCHAR | ID of salesforce.contacts
        subject | VARCHAR | In the customer's language
        priority | VARCHAR
        opened_at | TIMESTAMP WITH TIME ZONE
        closed_at | TIMESTAMP | Local time without a zone; empty while open
        satisfaction | DOUBLE | 1 to 5, given by the customer
        metadata | JSON
    """),
)
WEB_SIGN_UPS = DemoTable(
    "main",
    "web_sign_ups",
    "Newsletter sign-ups; people sign up again, so email is not unique",
    _columns("""
        email | VARCHAR | Not unique
        signed_up_at | TIMESTAMP WITH TIME ZONE
        visitor_id | VARCHAR
        agreed | BOOLEAN
        campaign | VARCHAR
    """),
)
LOYALTY_CARDS = DemoTable(
    "main",
    "loyalty_cards",
    "Loyalty cards; cards that were never printed have no number",
    _columns("""
        card_number | VARCHAR | Empty until printed
        contact_id | VARCHAR | ID of salesforce.contacts
        tier | VARCHAR
        points | BIGINT
        issued_on | DATE
    """),
)
TABLES = (ACCOUNTS, CONTACTS, LEADS, ORDERS, SUPPORT_TICKETS, WEB_SIGN_UPS, LOYALTY_CARDS)
