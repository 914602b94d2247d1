from __future__ import annotations

import pytest

from core.errors import InvalidField
from core.setup.branches import BRANCHES, PRODUCT_BRANCHES, WARNING_TEXT, WARNING_TITLE, get_branch


def test_w14_the_product_has_exactly_three_options() -> None:
    assert [branch.label for branch in PRODUCT_BRANCHES] == [
        "Salesforce and a data warehouse",
        "A data warehouse only",
        "A website or mobile app source",
    ]


def test_only_options_whose_parts_exist_are_offered() -> None:
    assert [branch.name for branch in BRANCHES] == ["warehouse", "website_or_mobile"]


def test_w10_every_option_has_one_explanation_of_its_own() -> None:
    texts = {branch.explanation for branch in PRODUCT_BRANCHES}
    assert len(texts) == 3
    assert all(len(text) > 80 for text in texts)


def test_w11_w12_the_warning_has_its_title_and_tells_of_sources_after_setup() -> None:
    assert WARNING_TITLE == "Unable to change data source selection after this step"
    assert "cannot return to this page" in WARNING_TEXT
    assert "add more sources after the setup" in WARNING_TEXT


def test_an_option_that_does_not_exist_yet_is_refused_differently_from_nonsense() -> None:
    with pytest.raises(InvalidField, match="'Salesforce and a data warehouse' cannot be set up yet") as caught:
        get_branch("salesforce_warehouse")
    assert "A data warehouse only (warehouse)" in caught.value.hint
    with pytest.raises(InvalidField, match="no data source option 'csv'"):
        get_branch("csv")
