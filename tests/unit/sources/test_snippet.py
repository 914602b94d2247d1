"""The snippet: small, names its source, and cannot be broken out of by an address."""

from __future__ import annotations

from core.sources.snippet import make_snippet


def test_w45_w46_the_snippet_holds_the_write_key_and_the_address_and_views_the_page() -> None:
    snippet = make_snippet("key123", "https://on.example.com/")
    assert 'a._writeKey="key123"' in snippet
    assert 'a._cdn="https://on.example.com"' in snippet
    assert 'a.load("key123");a.page()' in snippet
    assert snippet.startswith("<script>")
    assert snippet.endswith("</script>")
    assert len(snippet) < 1_700, "it is in every page of the site"


def test_an_address_cannot_end_the_script() -> None:
    assert make_snippet("k", 'http://x"</script><script>alert(1)').count("</script>") == 1
