"""What a report reads from a log, and where it stops: altered rows, factors with two values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from carbon.domain.factors.catalog import Catalogue
from carbon.domain.mrv.monitored import Published, Scope, monitored
from carbon.domain.mrv.report import Baseline, Cell, credit, policy
from carbon.domain.mrv.reported import rebuild
from carbon.domain.period import Period
from pilot import MONTH, REPORT, refused

OTHER = "f" * 64


@dataclass
class Altered:
    """A published log seen through a change of its leaves and of one catalogue."""

    log: Published
    leaf: Callable[[int, dict[str, Any]], dict[str, Any]]
    other: Catalogue | None = None

    def leaves(self, size: int) -> Iterator[bytes]:
        for index, raw in enumerate(self.log.leaves(size)):
            changed = self.leaf(index, json.loads(raw))
            yield json.dumps(changed, separators=(",", ":"), sort_keys=True).encode()

    def rows(self, digest: str) -> Iterator[bytes]:
        return self.log.rows(digest)

    def factors(self, root: str) -> Catalogue:
        return self.other if root == OTHER and self.other else self.log.factors(root)


@pytest.fixture
def published(pilot_at):
    """The log of a reported month, and the scope of its report."""
    pilot = pilot_at("reported")
    size = pilot.registry.document(REPORT)["known"]
    scope = Scope("phones", "HD-REUSE v1", Period.parse(MONTH), 0, size, size)
    return pilot.registry.log, scope


def records_of(log: Published, scope: Scope) -> list[int]:
    """Places of the project's records."""
    leaves = (json.loads(raw) for raw in log.leaves(scope.end))
    return [
        n for n, leaf in enumerate(leaves) if leaf.get("project") == scope.project and "row" in leaf
    ]


def test_a_row_that_was_altered_stops_the_report(published):
    """Every gram is computed again from the inputs beside it."""
    log, scope = published
    first = records_of(log, scope)[0]

    def heavier(index: int, leaf: dict[str, Any]) -> dict[str, Any]:
        if index == first:
            leaf["row"]["er_g"] = str(int(leaf["row"]["er_g"]) + 1)
        return leaf

    told = refused("report.recomputed", monitored, Altered(log, heavier), scope)
    assert (told.values["leaf"], told.values["row"]) == (first, -1)


def test_one_factor_has_one_value_in_a_month(published):
    """Two catalogues may differ; where they give the same row two values, the month has none."""
    log, scope = published
    last = records_of(log, scope)[-1]
    root = json.loads(list(log.leaves(scope.end))[last])["catalogue"]
    known = log.factors(root)
    used = rebuild_rows(log, scope)
    rows = tuple(
        replace(row, low=row.value) if row.id in used and row.low != row.value else row
        for row in known.rows
    )
    other = Catalogue(
        rows, known.items, known.categories, known.sources, known.evidence, known.leaves,
        known.leaf_numbers, known.item_leaves,
    )  # fmt: skip

    def newer(index: int, leaf: dict[str, Any]) -> dict[str, Any]:
        return leaf | {"catalogue": OTHER} if index == last else leaf

    refused("report.catalogues", monitored, Altered(log, newer, other), scope)
    assert len(monitored(Altered(log, newer, known), scope).er_g) == 40, "as long as they agree"


def rebuild_rows(log: Published, scope: Scope) -> set[str]:
    return {row.id for product in monitored(log, scope).products for row in product.rows}


def test_a_policy_has_a_value_on_the_last_day_of_the_month(catalogue):
    """What was never decided for a month is not guessed."""
    scope = Scope("phones", "HD-REUSE v1", Period.parse("2025-12"), 0, 1, 1)
    refused("report.policy", policy, catalogue, "return_window", scope)


def test_a_report_is_rebuilt_byte_for_byte_and_sees_what_was_corrected(pilot_at):
    """At the size it was made at, the same bytes; at a later one, without what came back."""
    pilot = pilot_at("reported")
    document = pilot.registry.document(REPORT)
    pilot.system.correct("r1", "returned")
    pilot.sequence()
    log = pilot.registry.log
    again = rebuild(document, log, document["known"])
    assert again.content == log.report(again.sha256)
    later = rebuild(document, log, document["known"] + 2)
    assert later.document["left_out"] == {"returned": 1}
    assert later.document["totals"]["er_g"] == str(458_360 - 11_888)


@pytest.mark.parametrize(
    ("baseline", "earned"),
    [
        # No baseline is registered: nothing is above one. Losses count whole.
        (None, (-100, 0, 1_000)),
        # Ten of forty pieces are below: 750 of 1,000 g, half of it by the rung, less 100.
        (Baseline("phones", "piece", 10, None), (275, 375, 250)),
        # 300 g have no piece count: they lie below the baseline; 75 % of the other 700.
        (Baseline("phones", "piece", 10, None), (162, 263, 475)),
        # A newcomer: 20 % of anything is common practice.
        (Baseline("phones", "kg", None, 2_000), (300, 400, 200)),
    ],
)
def test_baseline_then_rung_then_losses(baseline, earned):
    """Additionality first; the rung shares what is left; no share makes a loss smaller."""
    unmeasured = 300 if earned[0] == 162 else 0
    cell = Cell(4, 40, 8_000, 1_000, -100, unmeasured, 0)
    tradable = 0 if baseline is None else baseline.tradable_ppm(baseline.volume(cell))
    found = credit(cell, baseline, 500_000, tradable)
    assert (found.credited_g, found.pending_g, found.below_g) == earned
    assert found.credited_g - cell.negative_g + found.pending_g + found.below_g == cell.positive_g
