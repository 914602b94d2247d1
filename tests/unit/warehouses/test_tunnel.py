"""The SSH tunnel against a real SSH server on loopback that forwards to a real Postgres."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import asyncssh
import pytest

from core.errors import CoreError, CredentialsRejected, InvalidField, MissingField, Unreachable
from core.warehouses.tunnel import Tunnel, read_tunnel
from core.warehouses.tunnel_fields import TUNNEL_FIELDS
from tests.emulators.ssh_server import KEY, LOCKED, PASSWORD, SshServer


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(answer, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    loop.close()


@pytest.fixture
def resetting() -> Iterator[int]:
    """The port of a server that answers and hangs up in the middle, with a reset."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            end, _ = server.accept()
            with end:
                end.recv(1)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


@pytest.fixture
def make(bastion: SshServer, echo: int) -> Iterator[Callable[..., Tunnel]]:
    made: list[Tunnel] = []

    def make_it(target: int = echo, secrets: dict[str, str] | None = None, **changed: object) -> Tunnel:
        settings: dict[str, object] = {
            "way_in": "ssh",
            "ssh_host": "127.0.0.1",
            "ssh_port": bastion.port,
            "ssh_user": "guest",
            "ssh_host_key": bastion.host_key.get_fingerprint(),
        }
        tunnel = read_tunnel(
            settings | changed,
            {"ssh_private_key": KEY.export_private_key().decode()} if secrets is None else secrets,
            "127.0.0.1",
            target,
        )
        assert tunnel is not None
        made.append(tunnel)
        return tunnel

    yield make_it
    for tunnel in made:
        tunnel.close()


def say(near_end: tuple[str, int], text: bytes) -> bytes:
    with socket.create_connection(near_end, timeout=5) as end:
        end.sendall(text)
        return end.recv(100)


def encrypted(passphrase: str) -> str:
    exported = LOCKED.export_private_key("openssh", passphrase=passphrase, rounds=1, ignore_few_rounds=True)
    return exported.decode()


@pytest.mark.parametrize(
    "secrets",
    [
        {"ssh_private_key": KEY.export_private_key().decode()},
        {"ssh_private_key": encrypted("a phrase"), "ssh_key_passphrase": "a phrase"},
        {"ssh_password": PASSWORD},
    ],
)
def test_a_key_an_encrypted_key_and_a_password_open_the_way(
    make: Callable[..., Tunnel], secrets: dict[str, str]
) -> None:
    tunnel = make(secrets=secrets)
    assert say(tunnel.open(), b"hello") == b"hello"
    assert tunnel.open() == tunnel.open()


def test_a_tunnel_that_was_cut_opens_again(make: Callable[..., Tunnel], bastion: SshServer) -> None:
    tunnel = make()
    first = tunnel.open()
    bastion.cut()
    while tunnel.open() == first:
        pass
    assert say(tunnel.open(), b"again") == b"again"


def refuse(kind: type[CoreError], tunnel: Tunnel) -> CoreError:
    with pytest.raises(kind) as caught:
        tunnel.open()
    assert caught.value.message and caught.value.hint
    assert PASSWORD not in str(caught.value.to_dict())
    return caught.value


def test_a_key_that_the_server_does_not_know_is_told(make: Callable[..., Tunnel]) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    error = refuse(CredentialsRejected, make(secrets={"ssh_private_key": other}))
    assert error.message == "The SSH server 127.0.0.1 refused the user guest."
    assert error.context["field"] == "ssh_private_key"


@pytest.mark.parametrize("changed", [{"secrets": {"ssh_password": "wrong"}}, {"ssh_user": "nobody"}])
def test_a_wrong_password_and_an_unknown_user_are_told(make: Callable[..., Tunnel], changed: dict[str, object]) -> None:
    refuse(CredentialsRejected, make(**changed))


def test_a_host_key_that_is_not_the_one_given_is_told_with_what_was_seen(
    make: Callable[..., Tunnel], bastion: SshServer
) -> None:
    error = refuse(Unreachable, make(ssh_host_key=KEY.get_fingerprint()))
    assert error.code == "unknown_host_key" and error.context["field"] == "ssh_host_key"
    assert bastion.host_key.get_fingerprint() in error.message


def test_a_closed_port_a_missing_host_and_another_protocol_are_told(
    make: Callable[..., Tunnel], echo: int, resetting: int
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = refuse(Unreachable, make(ssh_port=unused.getsockname()[1]))
    assert error.message.startswith("Nothing listens at 127.0.0.1") and error.context["field"] == "ssh_port"
    error = refuse(Unreachable, make(ssh_host="no-such-host.invalid"))
    assert "There is no SSH server named" in error.message and error.context["field"] == "ssh_host"
    for other in (echo, resetting):
        error = refuse(Unreachable, make(ssh_port=other))
        assert "does not speak SSH with us" in error.message and error.context["field"] == "ssh_port"


def test_a_database_that_the_ssh_server_cannot_reach_is_told(make: Callable[..., Tunnel]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = refuse(Unreachable, make(target=unused.getsockname()[1]))
    assert "does not reach 127.0.0.1" in error.message and error.context["field"] == "host"


@pytest.mark.parametrize(
    ("secrets", "kind", "name"),
    [
        ({}, MissingField, "ssh_private_key"),
        ({"ssh_private_key": "not a key"}, InvalidField, "ssh_private_key"),
        ({"ssh_private_key": KEY.export_public_key().decode()}, InvalidField, "ssh_private_key"),
        ({"ssh_private_key": encrypted("a phrase")}, InvalidField, "ssh_key_passphrase"),
        ({"ssh_private_key": encrypted("a phrase"), "ssh_key_passphrase": "no"}, InvalidField, "ssh_key_passphrase"),
    ],
)
def test_a_key_that_cannot_be_read_is_told_before_anything_is_sent(
    make: Callable[..., Tunnel], secrets: dict[str, str], kind: type[CoreError], name: str
) -> None:
    with pytest.raises(kind) as caught:
        make(secrets=secrets)
    assert caught.value.context["field"] == name and caught.value.hint


def test_a_fingerprint_in_another_form_is_refused(make: Callable[..., Tunnel]) -> None:
    for text in ("", "MD5:00:11", "SHA256:short"):
        with pytest.raises(InvalidField) as caught:
            make(ssh_host_key=text)
        assert caught.value.context["field"] == "ssh_host_key"


def test_without_the_choice_there_is_no_tunnel_and_its_fields_are_not_asked_for() -> None:
    assert read_tunnel({}, {}, "db", 5432) is None
    assert all(field.depends_on == ("way_in", "ssh") for field in TUNNEL_FIELDS[1:])
