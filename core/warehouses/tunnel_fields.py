"""What a form asks for an SSH tunnel; apart from the tunnel, whose library a form does not need."""

from __future__ import annotations

from core.fields import Field, FieldType

_CHOSEN = ("way_in", "ssh")

TUNNEL_FIELDS = (
    Field(
        "way_in",
        "Way in",
        "How this computer reaches the server.",
        default="direct",
        choices=(("direct", "Directly"), ("ssh", "Through an SSH tunnel")),
    ),
    Field(
        "ssh_host",
        "SSH host",
        "The server that lets us in.",
        required=True,
        placeholder="bastion.example.com",
        depends_on=_CHOSEN,
    ),
    Field(
        "ssh_port",
        "SSH port",
        "Its TCP port for SSH.",
        type=FieldType.INTEGER,
        required=True,
        default=22,
        unit="port",
        depends_on=_CHOSEN,
    ),
    Field(
        "ssh_user", "SSH user", "The login on the SSH server.", required=True, placeholder="onramp", depends_on=_CHOSEN
    ),
    Field(
        "ssh_host_key",
        "SSH host key",
        "The fingerprint of the SSH server's key, as `ssh-keyscan HOST | ssh-keygen -lf -` prints it.",
        required=True,
        placeholder="SHA256:",
        depends_on=_CHOSEN,
    ),
    Field(
        "ssh_private_key",
        "SSH private key",
        "The whole text of the private key; or give a password.",
        type=FieldType.TEXT,
        secret=True,
        placeholder="-----BEGIN OPENSSH PRIVATE KEY-----",
        depends_on=_CHOSEN,
    ),
    Field(
        "ssh_key_passphrase",
        "Passphrase of the key",
        "Where the private key is encrypted.",
        type=FieldType.PASSWORD,
        secret=True,
        depends_on=_CHOSEN,
    ),
    Field(
        "ssh_password",
        "SSH password",
        "Where the login has a password and no key.",
        type=FieldType.PASSWORD,
        secret=True,
        depends_on=_CHOSEN,
    ),
)
