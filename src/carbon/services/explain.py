"""Explain any number: the trace of one stored record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from carbon.domain.activity.record import COLUMNS
from carbon.domain.errors import CarbonError, Text
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.quantification.trace import FACTOR, GRAMS, Trace
from carbon.services.summary import factor_fields


def explain(
    stored: Mapping[str, object], summary: Mapping[str, object], catalogue: Catalogue
) -> Trace:
    """Expand a stored record's codes into factor rows.

    Raises ``result.catalogue`` if the catalogue is not the one the record was computed with:
    another catalogue's rows would explain another number.
    """
    if summary["catalogue"] != catalogue.digest:
        used, given = summary["catalogue"], catalogue.digest
        raise CarbonError("result.catalogue", used=used, given=given)
    rows = {row.id: row for row in catalogue.rows}
    used = {
        name.removeprefix(FACTOR): factor_fields(rows[cast(str, row)])
        for name, row in stored.items()
        if name.startswith(FACTOR) and row
    }
    item = next(i for i in catalogue.items if i.item_type == stored["item_type"])
    return Trace(
        record={c.name: stored[c.name] for c in COLUMNS if stored[c.name] not in (None, "")},
        grams={name: cast(int, stored[name]) for name in GRAMS},
        life=cast(float, stored["life"]),
        grade=cast(str, stored["grade"]),
        flags=tuple(word for word in cast(str, stored["flags"]).split(";") if word),
        factors=used,
        methodology=cast(str, summary["methodology"]),
        formula=cast(str, summary["formula"]),
        catalogue=catalogue.digest,
        item_name=Text(item.zh, item.en),
    )
