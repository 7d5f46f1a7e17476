"""S7: the same act told twice, measured through the whole ingest."""

from __future__ import annotations

import csv
import os
from collections import Counter

import pytest

from carbon.adapters.tabular.mapping import OWN_COLUMN
from carbon.bootstrap.submissions import IngestRequest
from carbon.bootstrap.system import System
from conftest import FixedClock
from planted import planted, write_events

EVENTS = int(os.environ.get("CARBON_EVENTS", "60000"))
SUSPECTED = "duplicate.suspected"


def suspected(path):
    """Record ids held in an annotated file, and how often each code stands there."""
    if not path.exists():
        return set(), Counter()
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    codes = Counter(row[f"{OWN_COLUMN}code"] for row in rows)
    return {row["record_id"] for row in rows if row[f"{OWN_COLUMN}code"] == SUSPECTED}, codes


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", [7])
def test_recall_and_false_positives(home, tmp_path, seed, record_property):
    truth = planted(seed, EVENTS)
    system = System(home, FixedClock())
    held, codes, answers = set(), [], []
    for name, events in (("first", truth.first), ("second", truth.second)):
        path = write_events(tmp_path / f"{name}.csv", events)
        # A demonstration: every kind of goods is quantified, not only those with sound factors.
        back = tmp_path / f"{name}-rejected.csv"
        request = IngestRequest(path, accept_valid=True, demonstration=True, annotated=back)
        answers.append(system.submissions.ingest(request, lambda *_: None))
        ids, found = suspected(back)
        held |= ids
        codes.append(found)
    system.database.close()
    assert set(codes[0] | codes[1]) <= {SUSPECTED, "record_id.duplicate"}
    assert codes[0]["record_id.duplicate"] == truth.exact
    wrongly_held = sum(r in held for r in truth.again)
    assert answers[1]["known"] == len(truth.again) - wrongly_held, "what was held is no record yet"
    assert codes[1]["record_id.duplicate"] == 0

    caught = sum(c in held or o in held for c, o in truth.disguised.items())
    both = sum(c in held and o in held for c, o in truth.disguised.items())
    strangers = held - set(truth.disguised) - set(truth.disguised.values())
    legitimate = (
        len(truth.first) + len(truth.second) - truth.exact - len(truth.again) - len(truth.disguised)
    )
    recall, wrong = caught / len(truth.disguised), (len(strangers) + both) / legitimate
    record_property("recall of disguised", recall)
    record_property("false positives", wrong)
    assert recall >= 0.95, f"{caught} of {len(truth.disguised)} disguised copies"
    assert wrong <= 0.005, f"{len(strangers)} and {both} of {legitimate} legitimate acts"
