"""The connection form of Snowflake in the guided setup: refused by this side, refused by Snowflake, connected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from core.workspaces.workspace import open_workspace
from tests import guided
from tests.browser.conftest import serve
from tests.browser.person import fill, press, see
from tests.emulators.recording import run_recorder
from tests.emulators.snowflake import wire

ROOT = Path(__file__).resolve().parents[2]


def write_key() -> str:
    """Return a new private key in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, kind, plain).decode()


@pytest.mark.timeout(200)
def test_the_form_fails_with_a_cause_and_succeeds_on_a_phone(
    tmp_path: Path, open_screen: Callable[..., object], snowflake_port: int
) -> None:
    """W26, W27, W38, W41."""
    home = tmp_path / "home"
    workspace = open_workspace(str(home / "onramp"))
    guided.confirm(workspace)
    workspace.close()
    with (
        run_recorder(lambda request: wire.refuse("390144", "JWT token is invalid. [0ce9eb56]")) as refusing,
        serve(ROOT / "app.py", home) as address,
    ):
        screen = open_screen("phone-dark")
        page = screen.open(f"{address}/connect-warehouse?kind=snowflake")
        see(page, "What the owner of the warehouse runs once")
        screen.shoot("snowflake-empty")
        fill(page, "Account identifier", "https://app.snowflake.com/myorg/account1")
        fill(page, "Username", "onramp_user")
        fill(page, "Private key", "this is no key")
        fill(page, "Warehouse", "onramp_wh")
        fill(page, "Database", "analytics")
        fill(page, "Schema", "public")
        see(page, "GRANT USAGE ON DATABASE analytics TO ROLE onramp_role;")
        press(page, "Save")
        see(page, "The private key is not in PEM form.")
        screen.settle()
        screen.shoot("snowflake-bad-key")
        fill(page, "Private key", write_key())
        fill(page, "Host", refusing.url)
        screen.settle()
        press(page, "Save")
        see(page, "Snowflake refused the key of the user onramp_user")
        screen.shoot("snowflake-refused")
        screen.settle()
        fill(page, "Host", f"http://127.0.0.1:{snowflake_port}")
        screen.settle()
        press(page, "Save")
        see(page, "is connected.")
        screen.settle()
        assert "PRIVATE KEY" not in page.content()
        width = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
        assert width <= 0, "the page scrolls sideways"
        screen.shoot("snowflake-connected")
