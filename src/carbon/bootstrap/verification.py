"""A verifier's and the bureau's work on one report, over a registrar."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbon.adapters.nonces import kept_nonce, read_nonce
from carbon.domain.credit import stated
from carbon.domain.credit.drawn import sample_of
from carbon.domain.errors import CarbonError
from carbon.domain.mrv.evaluation import Evaluation
from carbon.domain.mrv.reported import rebuild
from carbon.domain.mrv.sampling import Frame, Item, commitment
from carbon.services.registry import verifying

if TYPE_CHECKING:
    from carbon.bootstrap.registrar import Registrar

#: Columns of a work list; a verifier fills in the last three.
SHEET = (
    "leaf", "row", "stratum", "er_g", "item_type", "act", "evidence", "quantity", "mass_kg",
    "audited_g", "intent", "note",
)  # fmt: skip
#: Rows and bytes of a returned work list.
_MAX_ROWS, _MAX_BYTES = 2_000, 1 << 22


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a verifier found for one item: its true grams, falsified or not, a public note."""

    leaf: int
    row: int
    er_g: int
    intent: bool = False
    note: str = ""


class Verification:
    """Assignment to statement. Raises ``verification.*``, ``sampling.*``, ``evaluation.*``."""

    def __init__(self, registrar: Registrar) -> None:
        self._registrar = registrar

    # --- draw ---------------------------------------------------------------------------------

    def commit(self, project: str, month: str, nonce: Path, key: Path) -> dict[str, Any]:
        """Commit to a nonce, kept in a new secret file until it is revealed."""
        told = commitment(kept_nonce(nonce)).hex()
        signer = self._registrar.signer(key).key
        return self._registrar.sign(
            [key], "commitment", project=project, month=month, commitment=told, signer=signer
        )

    def reveal(self, report: str, nonce: Path, key: Path) -> dict[str, Any]:
        """Reveal it; the second of both reveals draws the sample."""
        told, signer = read_nonce(nonce).hex(), self._registrar.signer(key).key
        return self._registrar.sign([key], "reveal", report=report, nonce=told, signer=signer)

    def frame(self, document: Mapping[str, Any]) -> Frame:
        """The frame of a report, read from the log again."""
        found = rebuild(document, self._registrar.log, document["known"]).found
        return Frame(found.leaf, found.row, found.er_g)

    # --- work list ----------------------------------------------------------------------------

    def work_list(self, report: str, person: str) -> list[dict[str, str]]:
        """The drawn items with what is published of them, opened from now on by this person."""
        with self._registrar.reading() as decisions:
            items = sample_of(decisions, report).items
        with self._registrar.deciding() as context:
            verifying.open_items(context, report, [item.key for item in items], person)
        rows = self._registrar.rows([item.key for item in items])
        return [_told(item, rows[item.key]) for item in items]

    def inspect(self, report: str, found: Iterable[Inspected], key: Path) -> list[dict[str, Any]]:
        """Sign what was found for items of the sample; each is a decision of its own."""
        sign = self._registrar.sign
        return [sign([key], "inspection", report=report, **asdict(one)) for one in found]

    def evaluation(self, report: str) -> Evaluation:
        """What the sample says, once all of it is opened."""
        document = self._registrar.document(report)
        with self._registrar.reading() as decisions:
            return stated.evaluation(decisions, report, document)

    def evaluated(self, report: str) -> dict[str, Any]:
        """The same by name, grams as text."""
        found = self.evaluation(report)
        return {
            "frame_g": str(found.frame_g),
            "projected_g": str(found.claimed.projected_g),
            "projected_bp": found.projected_bp,
            "bound_g": str(found.claimed.bound_g),
            "bound_bp": found.bound_bp,
            "alarm": found.alarm,
            "opinion": found.opinion,
            "reported_g": str(found.reported_g),
            "verified_g": str(found.verified_g),
        }


def _told(item: Item, row: Mapping[str, Any]) -> dict[str, str]:
    own = row["in"]
    known = {name: str(own.get(name, "")) for name in SHEET if name in own}
    return {
        **dict.fromkeys(SHEET, ""),
        **known,
        "leaf": str(item.leaf),
        "row": str(item.row),
        "stratum": item.stratum,
        "er_g": str(item.er_g),
    }


def write_sheet(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """A work list as CSV that a spreadsheet opens; its cells are codes and numbers."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, SHEET)
        writer.writeheader()
        writer.writerows(rows)


def read_sheet(path: Path) -> list[Inspected]:
    """A work list as returned; an empty ``audited_g`` is an item not inspected yet.

    Raises ``file.missing``, ``verification.sheet`` with the line.
    """
    found = []
    for line, row in enumerate(_sheet_rows(path), 2):
        try:
            if not (row["audited_g"] or "").strip():
                continue
            found.append(_inspected(row))
        except (KeyError, ValueError, TypeError) as error:
            raise CarbonError("verification.sheet", path=path, line=line) from error
    return found


def _sheet_rows(path: Path) -> list[dict[str, str]]:
    """The lines of a returned work list, at most :data:`_MAX_ROWS`."""
    if not path.is_file():
        raise CarbonError("file.missing", path=path)
    rows: list[dict[str, str]] = []
    try:
        reader = csv.DictReader(io.StringIO(_sheet_text(path), newline=""))
        rows.extend(islice(reader, _MAX_ROWS + 1))
    except (ValueError, csv.Error) as error:
        raise CarbonError("verification.sheet", path=path, line=len(rows) + 1) from error
    if len(rows) > _MAX_ROWS:
        raise CarbonError("verification.sheet", path=path, line=_MAX_ROWS + 1)
    return rows


def _sheet_text(path: Path) -> str:
    """What a spreadsheet saved: UTF-8, or the GB 18030 of one set up in Chinese."""
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030")


_TRUE, _FALSE = ("1", "yes", "true", "是"), ("", "0", "no", "false", "否")


def _inspected(row: Mapping[str, str]) -> Inspected:
    intent = (row["intent"] or "").strip().casefold()
    if intent not in (*_TRUE, *_FALSE):
        raise ValueError(intent)
    leaf, number, audited_g = (int(row[name]) for name in ("leaf", "row", "audited_g"))
    return Inspected(leaf, number, audited_g, intent in _TRUE, (row["note"] or "").strip())
