"""Structured logs: JSON lines in the home folder, without secrets."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

LOG_NAME = "onramp.log"
MAX_FILE_BYTES = 5_000_000
KEPT_FILES = 3
_HIDDEN = "[hidden]"
_SECRETS = (  # and the rows of customers that a Postgres repeats when it refuses one
    re.compile(
        r"(?i)((?:password|passwd|passphrase|secret|token|api_?key|private_?key|write_?key)[\"']?\s*[:=]\s*[\"']?)"
        r"([^\s\"',;&}]+)"
    ),
    re.compile(r"(?i)(authorization[\"']?\s*[:=]\s*[\"']?(?:basic|bearer)\s+)([^\s\"']+)"),
    re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]+:)([^\s@/]+)(?=@)"),
    re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)(.*?)(?=-----END|$)", re.DOTALL),
    re.compile(r"(DETAIL:\s+Failing row contains )(\(.*?\)\.)(?=\n|$)", re.DOTALL),
    re.compile(
        r"(DETAIL:\s+Key \([^\n]*?\)=)(\(.*?\))(?= (?:already exists|is not present|is still referenced))", re.DOTALL
    ),
)


def redact(text: str) -> str:
    """Return `text` with whatever looks like a secret, or like a refused row, replaced.

    Example:
        >>> redact("postgresql://ada:s3cret@db/x password=hunter2")
        'postgresql://ada:[hidden]@db/x password=[hidden]'
    """
    for pattern in _SECRETS:
        text = pattern.sub(lambda match: match.group(1) + _HIDDEN, text)
    return text


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the trace of an exception; redacted."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            entry["trace"] = redact(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


class LogFile(RotatingFileHandler):
    """The log's file. Where it cannot be written, its entries go to standard error, a line each."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of the library
        """Give the entry to standard error instead."""
        sys.stderr.write(f"The log {self.baseFilename} cannot be written; is the disk full? {self.format(record)}\n")


def set_up_logging(folder: Path, *, level: int = logging.INFO) -> None:
    """Write the logs of Onramp to `folder`; calling it again with the same folder changes nothing."""
    path = folder / LOG_NAME
    logger = logging.getLogger()
    if any(isinstance(item, RotatingFileHandler) and item.baseFilename == str(path) for item in logger.handlers):
        return
    handler = LogFile(path, maxBytes=MAX_FILE_BYTES, backupCount=KEPT_FILES, encoding="utf-8", delay=True)
    handler.setFormatter(JsonLines())
    handler.setLevel(level)
    logger.addHandler(handler)
    for name in ("core", "onramp"):
        logging.getLogger(name).setLevel(level)
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it announces each statement that it cannot parse
