"""The account identifier in every form that a person has at hand, and the host in its place."""

from __future__ import annotations

import pytest

from core.errors import InvalidField
from core.warehouses.snowflake.account import Address, find_address


@pytest.mark.parametrize(
    ("typed", "account", "host"),
    [
        ("xy12345", "xy12345", "xy12345.snowflakecomputing.com"),
        (" xy12345.us-east-2.aws ", "xy12345", "xy12345.us-east-2.aws.snowflakecomputing.com"),
        ("xy12345.west-europe.azure", "xy12345", "xy12345.west-europe.azure.snowflakecomputing.com"),
        ("xy12345.us-east-2.privatelink", "xy12345", "xy12345.us-east-2.privatelink.snowflakecomputing.com"),
        ("xy12345.cn-northwest-1.aws", "xy12345", "xy12345.cn-northwest-1.aws.snowflakecomputing.cn"),
        ("myorg-account1", "myorg-account1", "myorg-account1.snowflakecomputing.com"),
        ("myorg.account1", "myorg-account1", "myorg-account1.snowflakecomputing.com"),
        ("MYORG-MY_ACCOUNT", "MYORG-MY_ACCOUNT", "myorg-my-account.snowflakecomputing.com"),
        ("https://myorg-account1.snowflakecomputing.com/console/login#/", "myorg-account1", None),
        ("xy12345.us-east-2.aws.snowflakecomputing.com:443", "xy12345", None),
        ("https://app.snowflake.com/myorg/account1/#/homepage", "myorg-account1", None),
        ("app.snowflake.com/us-east-2.aws/xy12345/w/worksheets", "xy12345", None),
    ],
)
def test_an_account_is_found_in_whatever_form_it_comes(typed: str, account: str, host: str | None) -> None:
    found = find_address(typed)
    assert found.account == account
    assert host is None or found == Address(account, host, 443, "https")
    assert found.host.endswith((".snowflakecomputing.com", ".snowflakecomputing.cn"))


@pytest.mark.parametrize(
    "typed",
    ["", "  ", "my account", "https://example.com/myorg", "app.snowflake.com", "https://app.snowflake.com/#/", "a/b"],
)
def test_what_is_no_account_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(InvalidField, match="not a Snowflake account identifier") as caught:
        find_address(typed)
    assert caught.value.context["field"] == "account" and "myorg-account1" in caught.value.hint


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("gateway.example.com", Address("myorg-account1", "gateway.example.com", 443, "https")),
        ("gateway.example.com:8443", Address("myorg-account1", "gateway.example.com", 8443, "https")),
        ("https://gateway.example.com/", Address("myorg-account1", "gateway.example.com", 443, "https")),
        ("http://127.0.0.1:8080", Address("myorg-account1", "127.0.0.1", 8080, "http")),
    ],
)
def test_a_host_answers_in_place_of_the_accounts_own(typed: str, address: Address) -> None:
    assert find_address("myorg-account1", typed) == address


@pytest.mark.parametrize(
    "typed", ["http://gateway.example.com", "ftp://h", "h/path", "user:pass@h", "h:port", "https://"]
)
def test_a_host_that_would_leak_credentials_or_is_none_is_refused(typed: str) -> None:
    with pytest.raises(InvalidField) as caught:
        find_address("myorg-account1", typed)
    assert caught.value.context["field"] == "host" and caught.value.hint
