"""The life of a tonne: from a resident's act to a retired credit, everything checked after each step.

The steps are those of DESIGN section 4 that exist: ingest, quantify, sequence, report, verify,
issue, transfer (trade and redemption come with market and points), retire, audit; then a correction
that reaches everything downstream.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from carbon.audit import audit
from carbon.domain.errors import CarbonError
from carbon.files.log_folder import open_log
from pilot import ASSET, REPORT, Pilot, at, quiet


@pytest.fixture
def pilot(system, tmp_path):
    return Pilot(system, tmp_path)


@pytest.fixture
def sound(system):
    """Sequence, then check everything: the store against the log, all invariants, the log alone."""

    def check() -> None:
        system.sequence(quiet)
        assert [d.say("en") for d in system.reconcile(quiet).differences] == []
        found = audit(open_log(str(system.settings.log)), system.signer.key, quiet, jobs=1)
        assert [d.say("en") for d in found.differences] == []

    return check


def test_the_life_of_a_tonne(pilot, phone, clock, sound):  # noqa: PLR0915  ten steps in a row
    registry, system = pilot.registry, pilot.system

    # 1–3: records are stored with their grams and published.
    pilot.enrol()
    pilot.register()
    pilot.records(phone, 40)
    sound()

    # 4: the month's report, after both sides committed to their nonces.
    pilot.assign()
    pilot.commit()
    sound()
    report = pilot.report()
    assert report["state"] == "done"
    sound()
    document = registry.document(REPORT)
    # Thirty of forty phones are above the registered baseline of ten.
    assert [b["tradable_ppm"] for b in document["baselines"]] == [750_000]
    assert 0 < int(document["reported_g"]) <= int(document["totals"]["er_g"])

    # 5: the draw, the inspections, the statement.
    drawn = pilot.reveal()["effect"]
    assert drawn["items"], "something is drawn"
    pilot.inspect()
    stated = pilot.state()["effect"]
    assert (stated["opinion"], stated["verified_g"]) == ("positive", document["reported_g"])
    sound()

    # 6: serial-numbered credits, by two people, neither the verifier.
    issued = pilot.issue()["effect"]
    credits_ = int(issued["credits"])
    assert credits_ * 1_000 + int(issued["carry_out_g"]) == int(issued["issuable_g"])
    assert int(issued["issuable_g"]) <= int(stated["verified_g"]) <= int(document["reported_g"])
    sound()

    # 7: a transfer, to a counterparty known for four working days, final after ten minutes.
    registry.decide(
        "counterparty", "zhuan/green", {"holder": "zhuan", "other": "green"}, pilot.key("otto")
    )
    clock.at = at("2026-11-30T12:00:00")
    system.settings = replace(system.settings, demonstration=True)
    moved = {"asset": ASSET, "from": "zhuan", "to": "green", "credits": "50"}
    assert registry.decide("transfer", "t-1", moved, pilot.key("otto"))["state"] == "due"
    assert registry.settle() == [], "the time to take it back has not passed"
    clock.move(minutes=10)
    assert [told["state"] for told in registry.settle()] == ["done"]
    assert registry.credits.holdings("green")[0]["free"] == 50
    sound()

    # 9: retirement, terminal.
    keys = pilot.keys("gina")
    pilot.retire("wedding", "green", ASSET, 20, "A. and B.", "event", keys)
    clock.move(minutes=10)
    (retired,) = registry.settle()
    assert sum(int(s["last"]) - int(s["first"]) + 1 for s in retired["effect"]["serials"]) == 20
    assert registry.credits.holdings("green")[0]["free"] == 30
    sound()

    # A correction reaches what was issued: the buffer makes good for it.
    fact = registry.restatements.fact_of("r1", "local")
    with pytest.raises(CarbonError, match=re.escape("correction.issued")):
        system.correct("r1", "returned")
    assert registry.restatements.impact("r1")["reports"] == [REPORT]
    restated = pilot.restate([fact], [], "returned", "phone came back", pilot.keys("anne", "bert"))
    (told,) = restated["effect"]["reports"]
    assert int(told["buffer"]) > 0
    assert (told["owner"], told["owed_g"]) == ("0", "0")
    sound()
