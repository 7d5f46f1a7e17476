"""What an audit comes to: what was checked, what differs, what the reader should know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from carbon.domain.errors import CarbonError, Lang, Text
from carbon.domain.log.checkpoint import Checkpoint
from carbon.domain.log.note import Key

#: Differences told of one file; the rest are counted.
MAX_PER_FILE: Final = 1_000
_SHOWN: Final = 200
#: What broken content may raise in readers made for sound files.
_BROKEN = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError)
MISSING = "log.missing"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be, or, among the notes, that the reader should know.

    ``path`` inside the log, with the line or leaf; ``detail``: values found, in no language;
    ``text``: what is wrong and what to do.
    """

    code: str
    path: str
    detail: str
    text: Text

    @classmethod
    def of(cls, path: str, error: CarbonError) -> Difference:
        """An error at a place; what it quotes of a file is made safe to print."""
        safe = {name: shown(value) for name, value in error.values.items()}
        told = CarbonError(error.code, **safe)
        detail = ", ".join(f"{name} = {value}" for name, value in safe.items() if name != "path")
        return cls(error.code, path, detail, Text(told.say("zh"), told.say("en")))

    def say(self, lang: Lang) -> str:
        """Where it is, what is wrong and what to do."""
        return f"{self.path}  [{self.code}] {self.text.say(lang)}"


def shown(value: object) -> str:
    """A value of unknown origin, short and safe to print."""
    text = value.say("en") if hasattr(value, "say") else str(value)
    text = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return text if text.isprintable() else ascii(text)


@dataclass(slots=True)
class Counts:
    """What was checked. ``grams``: er_g of all rows, those of corrections included.

    ``credits_issued`` holds those retired and cancelled since.
    """

    checkpoints: int = 0
    leaves: int = 0
    tiles: int = 0
    submissions: int = 0
    rows: int = 0
    catalogues: int = 0
    formulas: int = 0
    corrections: int = 0
    journals: int = 0
    grams: int = 0
    decisions: int = 0
    reports: int = 0
    credits_issued: int = 0
    credits_retired: int = 0
    credits_cancelled: int = 0


@dataclass(frozen=True, slots=True)
class Audit:
    """The result: what was checked, what differs, what the reader should know.

    ``key``: the key signatures were checked with, empty if there was none. ``origin``, ``size``
    and ``root`` are those of the checkpoint; compare them with what others have seen.
    """

    key: str
    origin: str
    size: int
    root: str
    counts: Counts
    differences: Sequence[Difference]
    notes: Sequence[Difference]


class Tally:
    """What has been checked and told so far, in order, and how checks tell it."""

    def __init__(self) -> None:
        self._told: list[Difference] = []
        self._by_file: dict[str, int] = {}
        self.notes: list[Difference] = []
        self.counts = Counts()

    def add(self, path: str, error: CarbonError) -> None:
        """Tell one; past so many of a file they are only counted."""
        name = path.partition(":")[0].partition("#")[0]
        self._by_file[name] = self._by_file.get(name, 0) + 1
        if self._by_file[name] <= MAX_PER_FILE:
            self._told.append(Difference.of(path, error))

    def note(self, path: str, code: str, **values: object) -> None:
        """Tell what is no difference, yet good to know."""
        self.notes.append(Difference.of(path, CarbonError(code, **values)))

    def attempt(self, path: str, read: Callable[[], T], place: str = "") -> T | None:
        """Something read from a file, or ``None`` after telling why not.

        ``place``: told instead of ``path``, which an error about a file may name better.
        """
        try:
            return read()
        except CarbonError as error:
            named = error.values.get("path") if error.code == MISSING else None
            self.add(place or str(named or path), error)
        except _BROKEN as error:
            self.add(place or path, CarbonError("audit.form", reason=type(error).__name__))
        return None

    def compare(self, path: str, what: str, expected: object, found: object) -> bool:
        """Tell a difference between what a leaf says and what there is."""
        if expected != found:
            error = CarbonError("audit.content", what=what, expected=expected, found=found)
            self.add(path, error)
        return expected == found

    def audit(self, key: Key | None, head: Checkpoint | None) -> Audit:
        """The result, with the key and the checkpoint it rests on."""
        return Audit(
            key=key.vkey if key else "",
            origin=head.origin if head else "",
            size=head.size if head else 0,
            root=head.root.hex() if head else "",
            counts=self.counts,
            differences=(*self._told, *self._more()),
            notes=tuple(self.notes),
        )

    def _more(self) -> Iterator[Difference]:
        """Of each file, how many more there were than are told."""
        for path, count in self._by_file.items():
            if count > MAX_PER_FILE:
                error = CarbonError("audit.more", count=count - MAX_PER_FILE)
                yield Difference.of(path, error)
