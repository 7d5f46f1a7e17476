"""How codes reach phones: a demonstration's outbox, a sender of the installation, or none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from carbon.adapters.disk import append_durably
from carbon.domain.errors import CarbonError
from carbon.ports import Clock
from carbon.ports.accounts import Sender

#: Messages that an outbox shows.
SHOWN: Final = 50


class Outbox:
    """Implements the port ``Sender`` of a demonstration: messages go to a file to be looked at."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock

    def send(self, phone: str, code: str) -> None:
        """Append a message."""
        at = self._clock.now().isoformat(timespec="seconds")
        line = json.dumps({"at": at, "phone": phone, "code": code})
        append_durably(self._path, f"{line}\n".encode())

    def messages(self) -> Sequence[dict[str, str]]:
        """The newest ones, the newest first."""
        if not self._path.is_file():
            return []
        lines = self._path.read_text("utf-8").splitlines()[-SHOWN:]
        return [json.loads(line) for line in reversed(lines)]


class NoSender:
    """Implements the port ``Sender`` where none is set up."""

    def send(self, phone: str, code: str) -> None:  # noqa: ARG002  nobody to send them to
        """Raise ``code.sender``."""
        raise CarbonError("code.sender")


def installed_sender(named: str) -> Sender:
    """The sender of an installation, made by what ``module:factory`` names.

    Raises ``code.sender``.
    """
    module, _, factory = named.partition(":")
    try:
        made: Sender = getattr(import_module(module), factory)()
    except (ImportError, AttributeError, ValueError) as error:
        raise CarbonError("code.sender") from error
    return made
