"""核查: assigned people, a sample nobody steers, every item opened, findings closed (TRUST V3–V6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from carbon.bootstrap.verification import Inspected, read_sheet, write_sheet
from carbon.domain.credit.decision import Decision, Signature
from carbon.domain.credit.stated import statement_fields
from pilot import MONTH, REPORT, WRITTEN, refused

pytestmark = pytest.mark.doors


def test_people_have_the_role_they_are_assigned(pilot_at):
    """The bureau assigns; a verifier is a verifier, a reviewer somebody else (V5)."""
    pilot = pilot_at("enrolled")
    risk, key = ("low", "low"), pilot.key("anne")
    vera, rita, otto = (pilot.person(name) for name in ("vera", "rita", "otto"))
    refused("verification.role", pilot.assignment, "phones", MONTH, (rita, vera), risk, key)
    refused("verification.role", pilot.assignment, "phones", MONTH, (otto, rita), risk, key)
    refused(
        "decision.role", pilot.assignment, "phones", MONTH, (vera, rita), risk, pilot.key("vera")
    )
    refused("decision.form", pilot.assignment, "phones", MONTH, (vera, rita), ("none", "low"), key)
    refused("sampling.expected", pilot.assignment, "phones", MONTH, (vera, rita), risk, key, 500)
    pilot.join("both", "phone of both", ["verifier", "reviewer"], "verity")
    both = pilot.person("both")
    refused("independence.reviewer", pilot.assignment, "phones", MONTH, (both, both), risk, key)


def test_the_conflict_register_keeps_people_out(pilot_at):
    """By person or by organisation, each entry numbered and public."""
    pilot = pilot_at("enrolled")
    key = pilot.key("anne")
    refused("decision.form", pilot.conflict, "phones", {}, "sister", key)
    content = {"project": "phones", "organisation": "verity", "reason": "shares"}
    refused("decision.id", pilot.decide, "conflict", "phones/2", content, "anne")
    pilot.conflict("phones", {"organisation": "verity"}, "shares", key)
    refused("independence.conflict", pilot.assign)


def test_commitments_come_from_the_two_sides_before_the_report(pilot_at):
    """V3: the assigned verifier and the bureau; nobody else, and not once the report is known."""
    pilot = pilot_at("enrolled")
    work = pilot.registry.verification
    nonce = pilot.folder / "n.nonce"
    refused("verification.unassigned", work.commit, "phones", MONTH, nonce, pilot.key("vera"))
    pilot.assign()
    pilot.join("vic", "phone of vic", ["verifier"], "verity")
    refused("verification.person", work.commit, "phones", MONTH, nonce, pilot.key("vic"))
    content = {"project": "phones", "month": MONTH, "part": 0, "commitment": "0" * 64}
    refused("decision.id", pilot.decide, "commitment", f"{REPORT}/bureau", content, "vera")
    # A log in which the report stands already, as no registrar would have let it.
    with pilot.registry.deciding() as context:
        signer = pilot.registry.signer(pilot.key("otto"))
        planted = Decision("report", REPORT, {}, context.at(), (Signature(signer.key, "0" * 128),))
        context.unit.add(planted, [signer])
    refused("verification.late", pilot.decide, "commitment", f"{REPORT}/verifier", content, "vera")


def test_a_nonce_is_the_one_committed_to_and_revealed_after_the_report_is_public(pilot_at):
    """Nobody changes a nonce after seeing the report, or shows it before."""
    pilot = pilot_at("committed")
    work = pilot.registry.verification
    nonce = pilot.folder / f"vera-{MONTH}.nonce"
    refused("verification.report", work.reveal, REPORT, nonce, pilot.key("vera"))
    pilot.report()
    refused("verification.report", work.reveal, REPORT, nonce, pilot.key("vera"))
    pilot.sequence()
    other = pilot.folder / "other.nonce"
    other.write_text("11" * 32)
    refused("sampling.reveal", work.reveal, REPORT, other, pilot.key("vera"))
    other.write_text("no hex")
    refused("key.invalid", work.reveal, REPORT, other, pilot.key("vera"))
    other.unlink()
    refused("key.missing", work.reveal, REPORT, other, pilot.key("vera"))
    refused("verification.undrawn", work.work_list, REPORT, pilot.person("vera"))
    assert pilot.reveal()["effect"]["items"]


def test_the_same_nonces_draw_the_same_sample(pilot_at):
    """Told again on request; with one gram of the log changed the seed would be another one."""
    one, other = pilot_at("drawn"), pilot_at("drawn")
    assert one.reveal() == other.reveal()
    with one.registry.reading() as decisions:
        drawn = [d.decision.effect for d in decisions.every("reveal", f"{REPORT}/")]
    assert [bool(effect) for effect in drawn] == [False, True], "the second reveal draws"


def test_only_the_assigned_verifier_opens_and_inspects_what_was_drawn(pilot_at):
    """V4: the time from opening to inspection is kept by the registry's clock."""
    pilot = pilot_at("drawn")
    work = pilot.registry.verification
    pilot.join("vic", "phone of vic", ["verifier"], "verity")
    refused("verification.person", work.work_list, REPORT, pilot.person("vic"))
    with pilot.registry.reading() as decisions:
        items = decisions.find("reveal", f"{REPORT}/bureau").decision.effect["items"]
    leaf, row, er_g, *_ = items[0]
    found = Inspected(leaf, int(row), int(er_g))
    refused("verification.unopened", work.inspect, REPORT, [found], pilot.key("vera"))
    refused("verification.person", work.inspect, REPORT, [found], pilot.key("vic"))
    refused("evaluation.foreign", work.inspect, REPORT, [Inspected(0, -1, 1)], pilot.key("vera"))
    work.work_list(REPORT, pilot.person("vera"))
    pilot.clock.move(minutes=3)
    work.work_list(REPORT, pilot.person("vera"))
    (told,) = work.inspect(REPORT, [found], pilot.key("vera"))
    assert told["effect"] == {"seconds": 180}, "since it was opened first"
    assert told["id"] == f"{REPORT}/{leaf}/{row}"
    refused("evaluation.unopened", pilot.state)


def test_a_car_blocks_until_somebody_else_closes_it(pilot_at):
    """不符合项: raised, answered by the owner, closed by the verifier, in this order."""
    pilot = pilot_at("drawn")
    pilot.inspect()
    refused("verification.finding", pilot.answer, f"{REPORT}/1", "?", pilot.key("otto"))
    refused(
        "verification.unassigned", pilot.find, "phones/2026-09/0", "CAR", "?", pilot.key("vera")
    )
    finding = pilot.find(REPORT, "CAR", "a scale without a seal", pilot.key("vera"))["id"]
    refused("statement.contradiction", pilot.state)
    refused("finding.order", pilot.close, finding, "fine", pilot.key("vera"))
    refused("decision.organisation", pilot.answer, finding, "sealed", pilot.key("gina"))
    pilot.answer(finding, "sealed", pilot.key("otto"))
    pilot.join("vera-owner", "phone of vera", ["owner"], "zhuan")
    pilot.answer(finding, "sealed, I say", pilot.key("vera-owner"))
    refused("finding.same_person", pilot.close, finding, "fine", pilot.key("vera"))


def test_an_answered_car_is_closed_and_the_statement_tells_it(pilot_at):
    """Open, answered, closed: each finding stands in the statement with its state."""
    pilot = pilot_at("drawn")
    pilot.inspect()
    finding = pilot.find(REPORT, "CAR", "a scale without a seal", pilot.key("vera"))["id"]
    pilot.find(REPORT, "FAR", "a log of seals", pilot.key("vera"))
    pilot.answer(finding, "sealed", pilot.key("otto"))
    pilot.close(finding, "seen", pilot.key("vera"))
    refused("finding.order", pilot.answer, finding, "again", pilot.key("otto"))
    pilot.state()
    with pilot.registry.reading() as decisions:
        fields = decisions.find("statement", REPORT).decision.content["fields"]
    assert fields["findings"] == [[f"{REPORT}/1", "CAR", "closed"], [f"{REPORT}/2", "FAR", "open"]]
    refused("verification.closed", pilot.find, REPORT, "CAR", "late", pilot.key("vera"))


def test_a_clarification_counts_as_car_when_its_clock_has_run_out(pilot_at):
    """V4: CL and FAR run thirty days; on the thirty-first an unanswered one blocks issuance."""
    pilot = pilot_at("drawn")
    pilot.inspect()
    pilot.find(REPORT, "FAR", "a log of seals", pilot.key("vera"))
    pilot.state()
    pilot.sequence()
    pilot.clock.move(days=31)
    refused("verification.blocked", pilot.issue)
    pilot.answer(f"{REPORT}/1", "begun", pilot.key("otto"))
    refused("verification.blocked", pilot.issue)
    pilot.close(f"{REPORT}/1", "seen", pilot.key("vera"))
    assert pilot.issue()["state"] == "done"


def test_a_statement_says_what_follows_and_lacks_nothing(pilot_at):
    """V6: the six fields people write are all there; the others are computed, not chosen."""
    pilot = pilot_at("drawn")
    pilot.inspect()
    registry = pilot.registry
    for name in WRITTEN:
        given = {n: text for n, text in WRITTEN.items() if n != name}
        asked = {"report": REPORT, "written": given}
        keys = pilot.keys("vera")
        told = refused("statement.incomplete", registry.sign, keys, "statement", **asked)
        assert told.values["names"] == name
    document = registry.document(REPORT)
    with registry.reading() as decisions:
        fields = statement_fields(decisions, REPORT, document, WRITTEN, registry.today)
    for code, changes in (
        ("statement.form", {"more": "x"}),
        ("statement.contradiction", {"verified_g": "343771"}),
        ("verification.differs", {"verified_g": "343769"}),
        ("verification.differs", {"bound_g": "0"}),
        ("verification.differs", {"date": "2026-11-24"}),
        ("verification.differs", {"seed": "0" * 64}),
    ):
        content = {"report": REPORT, "fields": fields | changes}
        refused(code, pilot.decide, "statement", REPORT, content, "vera")
    content = {"report": REPORT, "fields": fields}
    refused("decision.id", pilot.decide, "statement", "phones/2026-09/0", content, "vera")
    pilot.join("vic", "phone of vic", ["verifier"], "verity")
    refused("verification.person", pilot.decide, "statement", REPORT, content, "vic")
    pilot.join("ron", "phone of ron", ["reviewer"], "verity")
    refused("verification.person", pilot.decide, "statement", REPORT, content, "vera", "ron")
    assert pilot.decide("statement", REPORT, content, "vera", "rita")["state"] == "done"


def test_a_statement_of_an_earlier_day_waits_for_what_is_due_today(pilot_at):
    """Signed with an older date, it would tell an overdue action as one that may stay open."""
    pilot = pilot_at("drawn")
    pilot.inspect()
    pilot.find(REPORT, "FAR", "a log of seals", pilot.key("vera"))
    document, day = pilot.registry.document(REPORT), pilot.registry.today
    with pilot.registry.reading() as decisions:
        fields = statement_fields(decisions, REPORT, document, WRITTEN, day)
    pilot.clock.move(days=31)
    content = {"report": REPORT, "fields": fields}
    refused("verification.blocked", pilot.decide, "statement", REPORT, content, "vera")


def test_a_falsified_item_verifies_nothing(pilot_at):
    """V1: intent has no tolerance; an adverse statement waits for no finding, and issues nothing."""
    pilot = pilot_at("drawn")
    work = pilot.registry.verification
    rows = work.work_list(REPORT, pilot.person("vera"))
    found = [Inspected(int(r["leaf"]), int(r["row"]), int(r["er_g"])) for r in rows]
    first = found[0]
    found[0] = Inspected(first.leaf, first.row, first.er_g, intent=True, note="no such phone")
    work.inspect(REPORT, found, pilot.key("vera"))
    pilot.find(REPORT, "CAR", "no such phone", pilot.key("vera"))
    effect = pilot.state()["effect"]
    assert (effect["opinion"], effect["verified_g"]) == ("adverse", "0")
    pilot.sequence()
    refused("verification.blocked", pilot.issue)
    assert work.evaluation(REPORT).opinion == "adverse"


# --- work lists -----------------------------------------------------------------------------------


@pytest.fixture
def sheet(tmp_path):
    """Writes a returned work list from its lines."""

    def write(*lines: str, encoding: str = "utf-8-sig") -> Path:
        path = tmp_path / "sheet.csv"
        path.write_bytes("\r\n".join(lines).encode(encoding))
        return path

    return write


def test_a_messy_sheet_is_read_as_it_was_meant(sheet):
    """Byte order mark, GB 18030, spaces, moved columns, answers in Chinese, items left for later."""
    excel = sheet("leaf,row,audited_g,intent,note", "4,-1,12,是,无此手机", encoding="gb18030")
    assert read_sheet(excel) == [Inspected(4, -1, 12, intent=True, note="无此手机")]
    path = sheet(
        "note,audited_g,leaf,row,intent,added",
        '"a, note", 12 ,4,-1, 是 ,x',
        ",,5,-1,,",
        ",-7,6,3,No,",
        ",0,7,2,,",
    )
    assert read_sheet(path) == [
        Inspected(4, -1, 12, intent=True, note="a, note"),
        Inspected(6, 3, -7),
        Inspected(7, 2, 0),
    ]


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("4,-1,12.5,no,", 2),
        ("4,-1,12,perhaps,", 2),
        ("4,,12,no,", 2),
        ("4,-1,twelve,no,", 2),
    ],
)
def test_a_line_that_is_no_result_is_named(sheet, line, number):
    """Nothing of a sheet with a wrong line is signed."""
    told = refused("verification.sheet", read_sheet, sheet("leaf,row,audited_g,intent,note", line))
    assert told.values["line"] == number


def test_a_sheet_has_its_columns_and_an_end(sheet, tmp_path):
    """Every upload has a limit."""
    refused("verification.sheet", read_sheet, sheet("leaf,row", "4,-1"))
    refused("file.missing", read_sheet, tmp_path / "none.csv")
    lines = ["leaf,row,audited_g,intent,note", *(f"{n},-1,1,," for n in range(2_001))]
    assert refused("verification.sheet", read_sheet, sheet(*lines)).values["line"] == 2_001
    broken = sheet("leaf,row,audited_g,intent,note", "4,-1,1,,\x00")
    broken.write_bytes(broken.read_bytes() + b"\xff\xff")
    refused("verification.sheet", read_sheet, broken)


def test_what_is_written_is_read_again(pilot_at, tmp_path):
    """An unfilled work list is a sheet without results; cells are codes and numbers."""
    pilot = pilot_at("drawn")
    rows = pilot.registry.verification.work_list(REPORT, pilot.person("vera"))
    write_sheet(tmp_path / "s.csv", rows)
    assert read_sheet(tmp_path / "s.csv") == []
    write_sheet(tmp_path / "s.csv", [row | {"audited_g": row["er_g"]} for row in rows])
    assert len(read_sheet(tmp_path / "s.csv")) == len(rows)
