"""A message is written as the call of the source's own library."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from core.events.calls import write_call
from core.events.message import MessageType
from core.sources.definition import Language

PAID: dict[str, Any] = {
    "type": "track",
    "userId": "u-1",
    "event": 'Order "Paid"',
    "properties": {"total": 12.5, "is_new": True, "coupon": None, "lines": [{"sku": "A1"}], "a key": 3_000_000_000},
}
EXPECTED = {
    Language.JAVASCRIPT: """analytics.track("Order \\"Paid\\"", {
  total: 12.5,
  is_new: true,
  coupon: null,
  lines: [
    {
      sku: "A1"
    }
  ],
  "a key": 3000000000
})""",
    Language.SWIFT: """analytics.track(name: "Order \\"Paid\\"", properties: [
  "total": 12.5,
  "is_new": true,
  "coupon": NSNull(),
  "lines": [
    [
      "sku": "A1"
    ]
  ],
  "a key": 3000000000
])""",
    Language.KOTLIN: """analytics.track("Order \\"Paid\\"", buildJsonObject {
  put("total", 12.5)
  put("is_new", true)
  put("coupon", JsonNull)
  put("lines", buildJsonArray {
    add(buildJsonObject {
      put("sku", "A1")
    })
  })
  put("a key", 3000000000L)
})""",
    Language.JAVA: """analytics.enqueue(TrackMessage.builder("Order \\"Paid\\"")
    .userId("u-1")
    .properties(new HashMap<String, Object>() {{
      put("total", 12.5);
      put("is_new", true);
      put("coupon", null);
      put("lines", List.of(
        Map.of(
          "sku", "A1"
        )
      ));
      put("a key", 3000000000L);
    }}));""",
}


@pytest.mark.parametrize("language", EXPECTED)
def test_a_track_call_is_written_in_the_syntax_of_its_library(language: Language) -> None:
    call = write_call(PAID, language)
    assert call is not None
    assert call.code == EXPECTED[language]
    assert call.language == language.lower()


def test_each_kind_of_call_has_its_own_arguments() -> None:
    def write(language: Language, **message: Any) -> str:
        call = write_call(message, language)
        assert call is not None
        return call.code

    assert write(Language.JAVASCRIPT, type="identify", userId="u", traits={}) == 'analytics.identify("u")'
    assert write(Language.JAVASCRIPT, type="page", name="Home", category="Docs") == 'analytics.page("Docs", "Home")'
    assert write(Language.JAVASCRIPT, type="alias", userId="u", previousId="a") == 'analytics.alias("u", "a")'
    assert write(Language.SWIFT, type="screen", name="Home") == 'analytics.screen(title: "Home")'
    assert write(Language.SWIFT, type="group", groupId="g") == 'analytics.group(groupId: "g")'
    assert write(Language.KOTLIN, type="screen", name="$5") == 'analytics.screen("\\$5")'
    assert write(Language.JAVA, type="alias", previousId="a", userId="u").startswith(
        'analytics.enqueue(AliasMessage.builder("a")'
    )


@pytest.mark.parametrize("type_", MessageType)
def test_a_request_can_be_pasted_into_a_shell_and_holds_the_event_as_it_came(type_: str) -> None:
    text = {"event": "It's $HOME `paid`", "userId": "Zoë", "groupId": "g", "previousId": "p"}
    call = write_call({"type": type_, **text}, Language.HTTP)
    assert call is not None
    script = call.code.replace("curl", "printf '%s\\n'", 1)
    printed = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, env={"ONRAMP": "http://x", "WRITE_KEY": "k"}
    ).stdout
    address, _, key, _, _, _, *body = printed.splitlines()
    assert (address, key) == (f"http://x/v1/{type_}", "k:")
    assert json.loads("\n".join(body)) == text


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("type_", MessageType)
def test_whatever_was_sent_is_written_and_nothing_fails(language: Language, type_: str) -> None:
    strange = ({}, {"event": 7, "name": [], "properties": "x", "traits": [None], "userId": {}, "groupId": 1.5})
    assert all(write_call({"type": type_, **fields}, language) for fields in strange)


def test_what_is_no_call_is_not_written_as_one() -> None:
    assert write_call({"type": "purchase"}, Language.JAVASCRIPT) is None
    assert write_call({"type": ["track"]}, Language.SWIFT) is None
    assert write_call({}, Language.HTTP) is None
