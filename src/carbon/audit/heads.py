"""What a log is judged by: its key, its latest checkpoint and all earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from carbon.audit.files import CHECKPOINT, VKEY, PublicFiles
from carbon.audit.result import MISSING, Tally
from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import Checkpoint, history_path, verify_checkpoint
from carbon.domain.log.note import Key, parse_note
from carbon.files.check_receipt import verify_ed25519

#: Sizes asked for, one by one, where checkpoints cannot be listed.
MAX_PROBES: Final = 1_000


def latest_note(files: PublicFiles, tally: Tally) -> bytes | None:
    """The checkpoint's bytes; raises where nothing of a log is there."""
    try:
        return files.log.checkpoint()
    except CarbonError as error:
        if error.code != MISSING:
            raise
        files.get(VKEY)
        tally.add(CHECKPOINT, error)
        return None


def log_key(files: PublicFiles, pinned: Key | None, tally: Tally) -> Key | None:
    """The key to check with: the one the log is known by, else its own."""
    content = files.read(VKEY)
    own = None if content is None else tally.attempt(VKEY, files.log.key)
    if own and content != f"{own.vkey}\n".encode():
        tally.add(VKEY, CarbonError("note.key", key=own.vkey))
    if pinned is None:
        if own:
            tally.note(VKEY, "audit.key_not_pinned", key=own.vkey)
        return own
    if own and own != pinned:
        tally.add(VKEY, CarbonError("audit.key"))
    return pinned


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint as read from its file; ``sound`` if its signature holds."""

    checkpoint: Checkpoint | None = None
    sound: bool = False


class Heads:
    """All checkpoints of a log.

    ``head``: the one to audit by; ``history``: every earlier one by its path, the latest too.
    """

    def __init__(
        self, files: PublicFiles, note: bytes | None, key: Key | None, tally: Tally
    ) -> None:
        self._files, self._note, self._key = files, note, key
        self._tally = tally
        self._latest = Signed() if note is None else self._read(CHECKPOINT, note)
        self.history: dict[str, Checkpoint] = {}
        self._largest = self._latest.checkpoint if self._latest.sound else None
        for path in self._paths():
            self._add(path)
        self._check_latest()
        latest = self._latest.checkpoint
        self.head = latest if self._latest.sound else self._largest or latest

    def _paths(self) -> Sequence[str]:
        """The files of the history: those there are, and that of the latest checkpoint."""
        latest = self._latest.checkpoint
        if self._files.paths is None:
            self._tally.note("checkpoints", "audit.history_unlisted")
            return [history_path(latest.size)] if latest else []
        own = [history_path(latest.size)] if latest and latest.size else []
        return sorted({*self._files.below("checkpoints/"), *own})

    def _add(self, path: str) -> None:
        """Read a file of the history."""
        content = self._files.read(path)
        if content is None:
            return
        signed = self._known(path, content)
        found, largest = signed.checkpoint, self._largest
        if found and history_path(found.size) != path:
            reason = f"size {found.size}"
            self._tally.add(path, CarbonError("audit.history", reason=reason))
        elif found:
            self.history[path] = found
            if signed.sound and (not largest or found.size > largest.size):
                self._largest = found

    def _known(self, path: str, content: bytes) -> Signed:
        """A checkpoint of the history; the latest one's signature is not checked twice."""
        if content != self._note or not self._latest.sound:
            return self._read(path, content)
        self._tally.counts.checkpoints += 1
        return self._latest

    def _read(self, path: str, note: bytes) -> Signed:
        """A checkpoint and whether its signature holds; told where that is not so."""
        self._tally.counts.checkpoints += 1
        key = self._key
        if key:
            found = self._tally.attempt(
                path, lambda: verify_checkpoint(note, [key], verify_ed25519)
            )
            if found:
                return Signed(found.checkpoint, sound=True)
        try:
            return Signed(Checkpoint.parse(parse_note(note).text))
        except CarbonError as error:
            if not key:
                self._tally.add(path, error)
            return Signed()

    def note_including(self, index: int, before: int) -> bytes | None:
        """The first checkpoint that includes a leaf, of at most ``before`` leaves.

        ``None`` where checkpoints cannot be listed and none is found nearby. Raises
        ``log.missing`` where they can.
        """
        if self._files.paths is None:
            return self._probed(range(index + 1, min(before, index + MAX_PROBES) + 1))
        sizes = (found.size for found in self.history.values())
        first = min((size for size in sizes if index < size <= before), default=before)
        return self._files.get(history_path(first))

    def _probed(self, sizes: range) -> bytes | None:
        """The first checkpoint there is of some sizes."""
        for size in sizes:
            try:
                return self._files.get(history_path(size))
            except CarbonError as error:
                if error.code != MISSING:
                    raise
        return None

    def _check_latest(self) -> None:
        """The latest checkpoint is the history's last file, byte for byte."""
        latest = self._latest.checkpoint
        newest = max((found.size for found in self.history.values()), default=0)
        if not latest or not self._latest.sound:
            return
        path = history_path(latest.size)
        if newest > latest.size:
            reason = f"{latest.size} < {newest}"
            self._tally.add(CHECKPOINT, CarbonError("audit.history", reason=reason))
        if path in self.history and self._files.get(path) != self._note:
            self._tally.add(CHECKPOINT, CarbonError("audit.history", reason=path))
