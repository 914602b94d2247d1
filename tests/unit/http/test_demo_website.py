"""The demo website: every page of it, for website sources only, to this machine only, and nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.http.process import Process
from core.samples.demo_website import CATALOG
from core.sources.snippet import make_snippet
from core.sources.store import Source, create_source
from tests.tracking import Receiver, send

PAGES = ("", "/", "/basket", "/contact", *(f"/{path}" for path in CATALOG))


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    process = Process(str(tmp_path / "home"), has_worker=False)
    yield Receiver(process)
    process.stop()
    process.workspace.close()


@pytest.fixture
def site(receiver: Receiver) -> Source:
    settings = {"website_url": "https://www.example.com"}
    return create_source(receiver.process.workspace, kind="javascript", name="<b>Shop</b>", settings=settings)


@pytest.mark.parametrize("path", PAGES)
def test_each_page_has_the_snippet_of_its_source_and_names_no_other_address(
    receiver: Receiver, site: Source, path: str
) -> None:
    answer = send(receiver.app, "GET", f"/demo/website/{site.write_key}{path}", headers={"host": "localhost:8501"})
    text = answer.body.decode()
    assert answer.status == 200
    assert make_snippet(str(site.write_key), "http://localhost:8501") in text
    loaded = re.findall(r"""(?:src|href)=["']?(https?:[^"' >]+)|url\(([^)]+)\)|@import""", text)
    assert loaded == [(f"https://www.sunny-hollow.example/{path.strip('/')}", "")], (
        "the canonical address is a name only"
    )
    assert "connect-src 'self' http://localhost:8501;" in answer.headers["content-security-policy"]
    assert "&lt;b&gt;Shop&lt;/b&gt;" in text
    assert "$" not in re.sub(r"\$[\d,]+\.\d\d|<script>.*?</script>", "", text, flags=re.DOTALL), (
        "nothing is left unfilled"
    )


def test_each_link_leads_to_a_page(receiver: Receiver, site: Source) -> None:
    base = f"/demo/website/{site.write_key}"
    text = send(receiver.app, "GET", base).body.decode()
    links = set(re.findall(r'<a [^>]*href="([^"]+)"', text))
    assert len(links) >= len(CATALOG) + 3
    for link in links:
        assert send(receiver.app, "GET", link).status == 200, link


def test_no_other_machine_is_served(receiver: Receiver, site: Source) -> None:
    path = f"/demo/website/{site.write_key}"
    assert send(receiver.app, "GET", path, client="203.0.113.9").status == 403
    assert send(receiver.app, "GET", path, headers={"host": "evil.example"}).status == 403


def test_what_is_not_there_is_told_in_a_sentence(receiver: Receiver, site: Source) -> None:
    workspace = receiver.process.workspace
    server = create_source(workspace, kind="http", name="Server")
    for path, words in (
        (f"{site.write_key}/careers", b"no such page"),
        ("nobody", b"No source has this write key."),
        (str(server.write_key), b"not that of a website"),
    ):
        answer = send(receiver.app, "GET", f"/demo/website/{path}")
        assert answer.status == 404
        assert words in answer.body
