"""redshift-connector's connection, with what it lacks.

A connection that does not come about lets go of its socket; behind a tunnel the cluster proves its own name; values
whose objects in Python hold less than the server's are left as its text; a statement is described without being run;
another thread can hang up.
"""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
from dataclasses import dataclass

from redshift_connector.config import FC_TEXT, ClientProtocolVersion
from redshift_connector.core import DESCRIBE, PARSE, STATEMENT, SYNC_MSG, Connection
from redshift_connector.cursor import Cursor
from redshift_connector.error import Error
from redshift_connector.hostname_check import match_hostname
from redshift_connector.utils.type_utils import NULL_BYTE, h_pack, h_unpack, text_recv

from core.warehouses.redshift.errors import WrongName
from core.warehouses.redshift.types import READ_BY_DRIVER
from core.warehouses.wire.address import Address

CONNECT_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Description:
    """Name, type number and modifier of each column of a statement, and how many parameters it has."""

    columns: tuple[tuple[str, int, int], ...]
    parameters: int


class Driver(Connection):
    """One connection on which each statement commits by itself. It raises what the driver raises."""

    def __init__(self, address: Address, *, timeout_s: int = CONNECT_TIMEOUT_S) -> None:
        host, port = address.reached_at or (address.host, address.port)
        # Through a tunnel the driver is told this computer's name: it can judge the authority, and we judge the name
        self._name_to_prove = address.host if address.reached_at and address.ssl_mode == "verify-full" else None
        try:
            super().__init__(
                user=address.user,
                password=address.password,
                database=address.database,
                host=host,
                port=port,
                ssl=address.ssl_mode != "disable",
                sslmode="verify-ca" if self._name_to_prove else address.ssl_mode,
                timeout=timeout_s,
                application_name="onramp",
                # The older protocol, in which every value has a text; the newer one sends numbers as bytes
                client_protocol_version=ClientProtocolVersion.BASE_SERVER,
                # A kept FETCH would read the rows of one cursor with the columns of another
                max_prepared_statements=0,
            )
            self._prove_name()
        except BaseException:
            self._let_go()
            raise
        for oid in self.redshift_types.keys() - READ_BY_DRIVER:
            self.redshift_types[oid] = (FC_TEXT, text_recv)
        self.autocommit = True

    def describe(self, sql: str) -> Description:
        """Return what a statement takes and gives: the server reads it, and it is not run."""
        cursor = self.cursor()
        cursor.ps = {"row_desc": []}
        self._parameters = 0
        self._send_message(PARSE, NULL_BYTE + sql.encode() + NULL_BYTE + h_pack(0))
        self._send_message(DESCRIBE, STATEMENT + NULL_BYTE)
        self._write(SYNC_MSG)
        self._flush()
        self.handle_messages(cursor)
        described = cursor.ps["row_desc"]
        columns = tuple((item["label"].decode(), item["type_oid"], item["type_modifier"]) for item in described)
        return Description(columns, self._parameters)

    def allow(self, seconds: float) -> None:
        """Let the server be silent for so long before the network is taken for dead."""
        self._usock.settimeout(math.ceil(seconds))

    def hang_up(self) -> None:
        """End the connection without a word, from any thread; who waits for an answer fails at once."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._usock, socket.SHUT_RDWR)  # below TLS, whose state is the other thread's

    def close(self) -> None:
        """Say goodbye where the server still listens, and let go of the socket."""
        with contextlib.suppress(Error, OSError):
            super().close()
        self._let_go()

    def handle_AUTHENTICATION_REQUEST(self, data: bytes, cursor: Cursor) -> None:  # noqa: N802 - the driver's name
        """Answer only whom we mean to talk to: the password is part of the answer."""
        self._prove_name()
        super().handle_AUTHENTICATION_REQUEST(data, cursor)

    def handle_PARAMETER_DESCRIPTION(self, data: bytes, ps: object) -> None:  # noqa: N802 - the driver's name
        """Keep how many parameters the statement has, which the driver throws away."""
        self._parameters = h_unpack(data)[0]

    def _prove_name(self) -> None:
        name, end = self._name_to_prove, self._usock
        if name is not None and not (isinstance(end, ssl.SSLSocket) and match_hostname(end.getpeercert(), name)):
            raise WrongName(name)

    def _let_go(self) -> None:
        for end in ("_sock", "_usock"):
            with contextlib.suppress(AttributeError, OSError, ValueError):
                getattr(self, end).close()
