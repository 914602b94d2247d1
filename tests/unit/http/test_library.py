"""What libraries fetch before they send: analytics.js, its bundles, the settings."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.http import library
from core.http.process import Process
from core.sources.rotation import rotate_write_key
from core.sources.store import Source, create_source
from tests.tracking import Answer, Receiver, basic, send


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    process = Process(str(tmp_path / "home"), has_worker=False)
    yield Receiver(process)
    process.stop()
    process.workspace.close()


@pytest.fixture
def site(receiver: Receiver) -> Source:
    settings = {"website_url": "https://www.example.com"}
    return create_source(receiver.process.workspace, kind="javascript", name="Shop", settings=settings)


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of bundles in the place of the built ones."""
    monkeypatch.setattr(library, "BUNDLES", tmp_path)
    library._read_library.cache_clear()
    library._read_bundle.cache_clear()
    (tmp_path / "standalone.js").write_text('window.analyticsWriteKey="__WRITE_KEY__"')
    (tmp_path / "auto-track.bundle.f131ce01.js").write_text("tracked")
    return tmp_path


def get(receiver: Receiver, path: str, client: str = "203.0.113.9", **headers: str) -> Answer:
    return send(receiver.app, "GET", path, headers={"host": "on.example.com", **headers}, client=client)


@pytest.mark.usefixtures("bundles")
def test_analytics_js_holds_the_write_key_and_is_for_every_machine_and_page(receiver: Receiver, site: Source) -> None:
    for name in ("analytics.min.js", "analytics.js"):
        answer = get(receiver, f"/analytics.js/v1/{site.write_key}/{name}", origin="https://www.example.com")
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/javascript; charset=utf-8"
        assert answer.headers["access-control-allow-origin"] == "https://www.example.com"
        assert answer.body == f'window.analyticsWriteKey="{site.write_key}"'.encode()


@pytest.mark.usefixtures("bundles")
def test_scripts_are_packed_for_who_can_unpack_them(receiver: Receiver, site: Source) -> None:
    answer = get(receiver, f"/analytics.js/v1/{site.write_key}/analytics.min.js", accept_encoding="br, gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert str(site.write_key).encode() in gzip.decompress(answer.body)


@pytest.mark.usefixtures("bundles")
def test_a_bundle_is_kept_for_ever_because_its_name_holds_its_hash(receiver: Receiver) -> None:
    answer = get(receiver, "/analytics-next/bundles/auto-track.bundle.f131ce01.js")
    assert (answer.status, answer.body) == (200, b"tracked")
    assert answer.headers["cache-control"] == "public, max-age=31536000"


@pytest.mark.usefixtures("bundles")
@pytest.mark.parametrize(
    "path",
    [
        "/analytics-next/bundles/ajs-destination.bundle.00000000.js",
        "/analytics-next/bundles/../standalone.js",
        "/analytics-next/bundles/standalone.js",
        "/analytics.js/v1/unknownkey/analytics.min.js",
        "/analytics.js/v1/%2e%2e/analytics.min.js",
        "/v1/projects/unknownkey/settings",
        "/v1/projects/" + "a" * 500 + "/settings",
        "/sourceConfig/?writeKey=unknownkey",
        "/sourceConfig",
    ],
)
def test_what_is_not_there_is_404_in_plain_text(receiver: Receiver, path: str) -> None:
    answer = get(receiver, path, client="127.0.0.1", host="localhost")
    assert answer.status == 404
    assert b"<" not in answer.body


def test_without_built_assets_the_answer_says_what_to_do(
    receiver: Receiver, site: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "BUNDLES", tmp_path / "nothing")
    answer = get(receiver, f"/analytics.js/v1/{site.write_key}/analytics.min.js")
    assert (answer.status, answer.body) == (503, b"analytics.js is not built here: run make assets.")


def test_the_settings_send_events_back_to_where_they_were_asked_for(receiver: Receiver, site: Source) -> None:
    answer = get(receiver, f"/v1/projects/{site.write_key}/settings", origin="https://www.example.com")
    settings = answer.json()
    segment = settings["integrations"]["Segment.io"]
    assert (segment["apiKey"], segment["apiHost"], segment["protocol"]) == (site.write_key, "on.example.com/v1", "http")
    assert list(settings["integrations"]) == ["Segment.io"], "a second name makes the library fetch a bundle and fail"
    assert settings["metrics"] == {"sampleRate": 0}
    assert answer.headers["access-control-allow-origin"] == "https://www.example.com"
    assert answer.headers["cache-control"] == "public, max-age=60"


def test_behind_a_proxy_the_public_address_counts(
    receiver: Receiver, site: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONRAMP_PUBLIC_URL", "https://events.example.com/in/")
    segment = get(receiver, f"/v1/projects/{site.write_key}/settings").json()["integrations"]["Segment.io"]
    assert (segment["apiHost"], segment["protocol"]) == ("events.example.com/in/v1", "https")


def test_after_a_rotation_the_old_key_still_starts_a_library(receiver: Receiver, site: Source) -> None:
    rotated = rotate_write_key(receiver.process.workspace, site.id)
    assert get(receiver, f"/v1/projects/{rotated.write_key}/settings").status == 200
    assert get(receiver, f"/v1/projects/{site.write_key}/settings").status == 200


def test_after_a_rotation_without_grace_it_does_not(receiver: Receiver, site: Source) -> None:
    rotate_write_key(receiver.process.workspace, site.id, grace=timedelta())
    assert get(receiver, f"/v1/projects/{site.write_key}/settings").status == 404


@pytest.mark.parametrize("path", ["/sourceConfig/", "/sourceConfig"])
def test_rudderstacks_library_gets_its_source(receiver: Receiver, site: Source, path: str) -> None:
    answers = [
        get(receiver, f"{path}?p=npm&v=3.34.1&writeKey={site.write_key}"),
        get(receiver, path, authorization=basic(str(site.write_key))),
    ]
    for answer in answers:
        assert answer.json()["source"]["writeKey"] == site.write_key
        assert answer.json()["source"]["enabled"] is True
        assert answer.json()["source"]["destinations"] == []


def test_a_preflight_is_answered_and_a_post_is_not_taken(receiver: Receiver, site: Source) -> None:
    path = f"/v1/projects/{site.write_key}/settings"
    asked = {"origin": "https://a.example", "access-control-request-headers": "authorization"}
    preflight = send(receiver.app, "OPTIONS", path, headers=asked)
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-headers"] == "authorization"
    assert send(receiver.app, "POST", path).status == 405
