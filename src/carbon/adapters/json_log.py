"""Logs as one JSON object a line, on standard error."""

from __future__ import annotations

import json
import logging
import traceback
from typing import Any, Final


class JsonLines(logging.Formatter):
    """Of an exception: kind and places, not its text, which may hold values of persons."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as a line."""
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            frames = traceback.extract_tb(error.__traceback__)
            line["error"] = type(error).__name__
            line["frames"] = "; ".join(f"{f.filename}:{f.lineno} {f.name}" for f in frames)
        return json.dumps(line, ensure_ascii=False)


#: How a service logs; the server's own log of requests is left to us.
LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLines}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"uvicorn.access": {"level": "CRITICAL"}, "apscheduler": {"level": "WARNING"}},
}
