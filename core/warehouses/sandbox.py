"""The child process that runs a person's SQL on a DuckDB file. It stands alone: it imports nothing from `core`.

Started as `python -I sandbox.py MEMORY_MB ADDRESS_SPACE_MB THREADS IDLE_S` with an empty environment. Before the first
query it gives up the network (where the kernel lets it), writing files, core dumps and most of its address space.
DuckDB opens the file read-only, with external access off and its configuration locked. `memory_limit` alone is not a
hard cap and `interrupt()` is not always prompt (measured), which is why this is a process of its own: the address-space
limit holds, and the parent may kill it at any moment.

Requests come on standard input as JSON, replies leave on standard output; both as frames of a kind (one byte) and a
length (four bytes, big-endian). The end of standard input means that the parent is gone: the process ends at once,
even in the middle of a query. A parent-death signal would not do: it fires when the *thread* that started us ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import queue
import resource
import struct
import sys
import threading
from pathlib import Path
from typing import Any

READY, SCHEMA, BATCH, COLUMNS, PLAN, ERROR, DONE = b"R", b"S", b"B", b"C", b"P", b"E", b"D"
DESCRIBE, EXPLAIN = "DESCRIBE ", "EXPLAIN (FORMAT json) "
HEADER = struct.Struct(">cI")
FLUSH_BYTES = 4 * 1024 * 1024
FETCH_ROWS = 512  # of 2048-row vectors: wide rows cost memory, and 2048 failed at 200 KB a value (measured)
TIRED_RSS_KB = 512 * 1024
CLONE_NEWUSER, CLONE_NEWNET, PR_SET_NO_NEW_PRIVS = 0x10000000, 0x40000000, 38

# Arrow has no type for these that every reader takes; they travel as the text that DuckDB prints.
AS_TEXT = frozenset(
    {"null", "bit", "time", "timetz", "time with time zone", "time_ns", "interval"}
    | {"union", "variant", "geometry", "bignum", "uhugeint", "enum", "uuid"}
)
AS_JSON = frozenset({"struct", "list", "map", "array", "tuple"})
AS_TIMESTAMP = frozenset({"timestamp_ns", "timestamp_s", "timestamp_ms"})


def give_up_rights(address_space_mb: int) -> None:
    """Drop the network, writing files, core dumps and address space beyond the limit; what cannot be dropped stays."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(CLONE_NEWNET) != 0:
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    for name, limit in (("CORE", 0), ("FSIZE", 0), ("AS", address_space_mb * 1024**2)):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))


class Session:
    """One locked, read-only connection to one file: what lay at `path` when it had that device and inode."""

    def __init__(self, path: str, identity: list[int], memory_mb: int, threads: int) -> None:
        import duckdb

        self.file = (path, identity)
        self.connection = duckdb.connect(
            path,
            read_only=True,
            config={
                "memory_limit": f"{memory_mb}MB",
                "threads": threads,
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
                "allow_persistent_secrets": "false",
            },
        )
        for setting in (
            "temp_directory=''",
            "python_enable_replacements=false",  # else a table name may find a variable of this program
            "GLOBAL TimeZone='UTC'",
            "GLOBAL errors_as_json=true",
            "enable_external_access=false",
            "lock_configuration=true",
        ):
            self.connection.execute(f"SET {setting}")

    def bind(self, cursor: Any, sql: str) -> Any:
        """Return the relation of the one SELECT in `sql`; nothing runs yet."""
        kinds = [str(statement.type).rpartition(".")[2] for statement in cursor.extract_statements(sql)]
        if kinds != ["SELECT"]:
            raise Refused("two_statements" if len(kinds) > 1 else "not_a_query", ", ".join(kinds))
        try:
            return cursor.sql(sql)
        except Exception:
            # Only a statement that is executed reports where in the text it is wrong; DESCRIBE runs nothing of it.
            try:
                cursor.execute(DESCRIBE + sql)
            except Exception as error:
                raise Misbound(error) from error
            raise


class Refused(Exception):
    """The text is not one query."""

    def __init__(self, code: str, found: str) -> None:
        super().__init__(found)
        self.code = code


class Misbound(Exception):
    """The query names something that is not there; positions in `cause` count from the start of `DESCRIBE`."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


def describe_columns(relation: Any) -> list[list[str]]:
    """Return name, type text and type id of each column."""
    return [[name, str(kind), str(kind.id)] for name, kind in zip(relation.columns, relation.types, strict=True)]


def convert_odd_types(relation: Any, columns: list[list[str]]) -> Any:
    """Return the relation with columns that Arrow cannot carry plainly turned into text, JSON text or microseconds."""
    casts = [_cast(number, kind) for number, (_, _, kind) in enumerate(columns, start=1)]
    if all(cast is None for cast in casts):
        return relation
    parts = [
        f'{cast or f"#{number}"} AS "{name.replace(chr(34), chr(34) * 2)}"'
        for number, (cast, (name, _, _)) in enumerate(zip(casts, columns, strict=True), start=1)
    ]
    return relation.project(", ".join(parts))


def _cast(number: int, kind: str) -> str | None:
    if kind in AS_TEXT:
        return f"#{number}::VARCHAR"
    if kind in AS_JSON:
        return f"to_json(#{number})::VARCHAR"
    return f"#{number}::TIMESTAMP" if kind in AS_TIMESTAMP else None


class Outlet:
    """Writes frames to the parent; blocks while the parent does not read."""

    def __init__(self) -> None:
        self._descriptor = os.dup(1)
        os.dup2(2, 1)  # nothing that a library prints may enter the stream of frames

    def send(self, kind: bytes, payload: bytes | memoryview = b"") -> None:
        """Write one frame."""
        self._write(HEADER.pack(kind, len(payload)))
        self._write(payload)

    def send_json(self, kind: bytes, value: object) -> None:
        """Write one frame of JSON."""
        self.send(kind, json.dumps(value).encode())

    def _write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def answer(session: Session, request: dict[str, Any], outlet: Outlet) -> None:
    """Carry out one request and send all of its reply but the last frame."""
    cursor = session.connection.cursor()
    try:
        relation = session.bind(cursor, request["sql"])
        columns = describe_columns(relation)
        outlet.send_json(COLUMNS, columns)
        if request["op"] == "explain":
            ((_, plan),) = cursor.execute(EXPLAIN + request["sql"]).fetchall()
            outlet.send(PLAN, plan.encode())
        if request["op"] == "query":
            relation = convert_odd_types(relation, columns)
            send_rows(relation.to_arrow_reader(FETCH_ROWS), request["batch_rows"], request["max_rows"], outlet)
    finally:
        cursor.close()  # also ends a query of which not all rows were wanted


def send_rows(reader: Any, batch_rows: int, max_rows: int | None, outlet: Outlet) -> None:
    """Send the schema and the rows, small batches put together up to `batch_rows` or a few megabytes."""
    outlet.send(SCHEMA, reader.schema.serialize())
    left = max_rows if max_rows is not None else sys.maxsize
    waiting: list[Any] = []
    rows = size = 0
    for batch in reader if left > 0 else ():
        part = batch.slice(0, left)
        left -= part.num_rows
        while part.num_rows:
            piece = part.slice(0, batch_rows - rows)
            part = part.slice(piece.num_rows)
            waiting.append(piece)
            rows += piece.num_rows
            size += piece.nbytes
            if rows >= batch_rows or size >= FLUSH_BYTES:
                send_together(waiting, outlet)
                rows = size = 0
        if left == 0:
            break
    if waiting:
        send_together(waiting, outlet)


def send_together(waiting: list[Any], outlet: Outlet) -> None:
    """Send `waiting` as one batch and empty it."""
    import pyarrow as pa

    whole = waiting[0] if len(waiting) == 1 else pa.concat_batches(waiting)
    waiting.clear()
    outlet.send(BATCH, memoryview(whole.serialize()))


def report_error(error: BaseException, outlet: Outlet) -> bool:
    """Send the failure; return whether the process is still good for another query."""
    cause = error.cause if isinstance(error, Misbound) else error
    text = f"{type(cause).__name__} {str(cause)[:80]}".lower()
    reply = {
        "type": type(cause).__name__,
        "code": error.code if isinstance(error, Refused) else "",
        "message": str(cause),
        "offset": 0 if cause is error else len(DESCRIBE),
        "fit": not any(word in text for word in ("memory", "fatal", "internal", "bad_alloc")),
    }
    outlet.send_json(ERROR, reply)
    return bool(reply["fit"])


def read_requests(inbox: queue.SimpleQueue[dict[str, Any]]) -> None:
    """Put requests into the inbox until the parent is gone, then end the process, whatever else it is doing."""
    source = os.fdopen(os.dup(0), "rb", buffering=0)
    try:
        while header := _read_exactly(source, HEADER.size):
            inbox.put(json.loads(_read_exactly(source, HEADER.unpack(header)[1])))
    finally:
        os._exit(0)


def _read_exactly(source: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = source.read(size - len(data))
        if not part:
            return b""
        data += part
    return data


def read_peak_rss_kb() -> int:
    """Return the most memory this process has held; unit: KB.

    Not `ru_maxrss`: an exec keeps the peak of the process it replaces, so a child of a large server would look tired
    from its first query on.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def serve(memory_mb: int, threads: int, idle_s: float) -> None:
    """Answer requests until the parent goes away or this process is no longer fit."""
    outlet = Outlet()
    inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=read_requests, args=(inbox,), daemon=True).start()
    sys.modules["numpy"] = None  # type: ignore[assignment]  # nothing here uses it, and it is a third of the start
    import duckdb  # noqa: F401 - loading takes most of the start; the parent waits for READY, not for the first query
    import pyarrow as pa

    pa.set_cpu_count(1)
    outlet.send(READY)
    session: Session | None = None
    fit = True
    while fit:
        try:
            request = inbox.get(timeout=idle_s if session else None)
        except queue.Empty:
            # An open file shuts out a process that wants to write it; after a while we let go.
            session.connection.close()  # type: ignore[union-attr]  # the time-out is set only with a session
            session = None
            continue
        try:
            if session and session.file != (request["path"], request["identity"]):
                session.connection.close()
                session = None
            session = session or Session(request["path"], request["identity"], memory_mb, threads)
            answer(session, request, outlet)
        except Exception as error:  # noqa: BLE001 - every failure is the parent's to explain
            fit = report_error(error, outlet)
        else:
            fit = read_peak_rss_kb() < TIRED_RSS_KB
            outlet.send_json(DONE, {"fit": fit})
        gc.collect(0)


if __name__ == "__main__":
    give_up_rights(int(sys.argv[2]))
    serve(int(sys.argv[1]), int(sys.argv[3]), float(sys.argv[4]))
