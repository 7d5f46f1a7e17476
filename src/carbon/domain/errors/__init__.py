"""One root error, stable codes, messages in Chinese and English.

A *fault* says what is wrong and what to do about it. The same catalogue serves two uses: faults in
a user's records are returned as findings (many at once), an impossible state is raised as
:class:`CarbonError`. Codes are public: they never change meaning, and `docs/errors.md` lists all.
"""

from __future__ import annotations

from typing import Final

from carbon.domain.errors import (
    access,
    accounts,
    client,
    decisions,
    documents,
    factors,
    files,
    formulas,
    jobs,
    ledger,
    log,
    machine,
    records,
    registry,
    store,
    uploads,
    verification,
)
from carbon.domain.errors.fault import LANGS, Fault, Lang, Text

#: Every fault by its code.
FAULTS: Final[dict[str, Fault]] = {
    found.code: found
    for part in (
        files,
        factors,
        formulas,
        records,
        store,
        log,
        ledger,
        verification,
        registry,
        decisions,
        documents,
        access,
        accounts,
        client,
        uploads,
        jobs,
        machine,
    )
    for found in part.FAULTS
}

#: Codes a record can be rejected with, in the order they are documented.
RECORD_CODES: Final[tuple[str, ...]] = tuple(found.code for found in records.FAULTS)


class CarbonError(Exception):
    """The root of every error this package raises on purpose.

    ``code`` is a key of :data:`FAULTS`; ``values`` fill the message's placeholders.
    """

    def __init__(self, code: str, /, **values: object) -> None:
        self.fault = FAULTS[code]
        self.code = code
        self.values = values
        super().__init__(code, values)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.values)

    def say(self, lang: Lang = "en") -> str:
        """What is wrong and what to do, in one language."""
        values = {n: v.say(lang) if hasattr(v, "say") else v for n, v in self.values.items()}
        what, fix = self.fault.what.say(lang, **values), self.fault.fix.say(lang, **values)
        return f"{what} {fix}" if lang == "en" else f"{what}{fix}"

    def __str__(self) -> str:
        return f"[{self.code}] {self.say('en')}"


def _rebuild(code: str, values: dict[str, object]) -> CarbonError:
    return CarbonError(code, **values)


__all__ = ["FAULTS", "LANGS", "RECORD_CODES", "CarbonError", "Fault", "Lang", "Text"]
