"""One JSON line per decision on standard error; values that look like key material never get out."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any, TextIO

from relayer.domain.units import rfc3339

_RESERVED = logging.LogRecord("", 0, "", 0, "", (), None).__dict__.keys() | {"message", "asctime", "taskName"}
# A Solana keypair file's numbers, a PEM block, or credentials and queries in a URL.
_SECRETS = re.compile(
    r"\[\s*(?:\d{1,3}\s*,\s*){31,}\d{1,3}\s*\]|-----BEGIN[^-]*PRIVATE KEY-----.*?(?:-----END[^-]*-----|$)"
    r"|(?<=://)[^/\s@]+@|(?<=[?&])(?:api[-_]?key|token|key)=[^&\s\"]+",
    re.DOTALL | re.IGNORECASE,
)


def redact(text: str) -> str:
    """The text with everything that looks like a secret replaced."""
    return _SECRETS.sub("(removed)", text)


class JsonFormatter(logging.Formatter):
    """`{"at": …, "level": …, "room": …, "event": …, …extra}`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": rfc3339(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "room": record.name.removeprefix("relayer."),
            "event": record.getMessage(),
        }
        line |= {key: value for key, value in record.__dict__.items() if key not in _RESERVED}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, default=str))


def set_up_logs(*, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Route the `relayer` loggers to `stream` (standard error) as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("relayer")
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False
