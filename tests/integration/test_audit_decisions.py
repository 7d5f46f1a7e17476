"""The auditor and decisions: all of a registry's acts, from public files alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from carbon.adapters.signing import SigningKey
from carbon.audit import audit, heads
from carbon.domain.log.checkpoint import cosign, history_path
from carbon.domain.log.note import COSIGNATURE, Key
from carbon.files.log_folder import Folder, PublishedLog
from decided_logs import Decided, make_decided_log
from published_logs import codes, quiet


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("decided") / "home"
    make_decided_log(folder)
    return folder


@pytest.fixture
def log(home, tmp_path) -> Decided:
    return Decided.copy(home, tmp_path / "log")


def test_a_sound_registry_has_no_differences(log):
    found = log.audit()
    assert [d.say("en") for d in found.differences] == []
    assert found.notes == ()


def test_what_was_decided_is_counted(log):
    """Both reports are rebuilt; what is retired and cancelled is told apart from what is held."""
    counts = log.audit().counts
    issued = [leaf["effect"] for _, leaf in log.decisions("issuance")]
    assert counts.decisions == sum(leaf["type"] == "decision" for leaf in log.values())
    assert counts.reports == 2
    assert counts.credits_issued == sum(int(effect["credits"]) for effect in issued)
    assert counts.credits_retired == 20
    restated = log.decisions("restatement")[0][1]["effect"]["reports"][0]
    assert counts.credits_cancelled == 5 + int(restated["buffer"]) + int(restated["owner"])


def told(found, index: int) -> set[str]:
    """Codes of the differences told at a leaf."""
    return {d.code for d in found.differences if d.path.endswith(f"#{index}")}


# --- persons and signatures -----------------------------------------------------------------------


def test_a_false_signature(log):
    values = log.values()
    index, leaf = log.decisions("issuance")[0]
    leaf["signatures"][1]["signature"] = "00" * 64
    values[index] = leaf
    log.sign_all(values)
    assert told(log.audit(), index) == {"decision.signature"}


def test_a_content_that_was_not_signed(log):
    values = log.values()
    index, leaf = log.decisions("retirement")[0]
    leaf["content"]["purpose"] = "gift"
    values[index] = leaf
    log.sign_all(values)
    assert told(log.audit(), index) == {"decision.signature"}


@pytest.mark.parametrize(
    ("kind", "names", "code"),
    [
        pytest.param("issuance", ["anne"], "audit.signatures", id="one of two issuers"),
        pytest.param("issuance", ["anne", "anne"], "decision.same_person", id="one person twice"),
        pytest.param("issuance", ["anne", "vera"], "decision.role", id="the verifier issues"),
        pytest.param("statement", ["rita", "vera"], "decision.role", id="roles the other way"),
        pytest.param("report", ["gina"], "decision.organisation", id="another owner's report"),
        pytest.param("transfer", ["gina"], "decision.organisation", id="another one's credits"),
        pytest.param("commitment", ["rita"], "decision.role", id="a commitment by nobody's side"),
    ],
)
def test_signed_by_the_wrong_people(log, kind, names, code):
    values = log.values()
    index, leaf = log.decisions(kind)[0]
    values[index] = log.signed_in_order(leaf, *names)
    log.sign_all(values)
    assert told(log.audit(), index) == {code}


def test_a_key_that_was_ended(log):
    """A key that was given up signs nothing after it, and all it signed before stays good."""
    values, index = log.values(), log.decisions("issuance")[1][0]
    ended = {
        "type": "decision",
        "kind": "member_end",
        "id": "lost-1",
        "content": {"keys": [log.public("bert")], "reason": "lost"},
        "effect": {},
        "at": "2026-11-30T13:00:00+08:00",
        "signatures": [],
    }
    before = [d.code for d in log.audit().differences]
    assert before == []
    log.sign_all([*values[:index], log.signed_in_order(ended, "anne", "bert"), *values[index:]])
    found = log.audit()
    assert told(found, index) == {"member.last"}
    assert told(found, index + 1) == {"decision.unknown_key"}


def test_a_decision_made_twice(log):
    values = log.values()
    _, leaf = log.decisions("cancellation")[0]
    log.sign_all([*values, leaf])
    found = log.audit()
    assert codes(found) == {"audit.repeated"}
    assert told(found, len(values)) == {"audit.repeated"}


# --- projects and reports -------------------------------------------------------------------------


def test_a_filing_without_notice(log):
    values = log.values()
    filing = {
        "type": "decision",
        "kind": "filing",
        "id": "phones",
        "content": {"project": "phones", "status": "municipal", "number": "1"},
        "effect": {},
        "at": "2026-12-01T13:00:00+08:00",
        "signatures": [],
    }
    log.sign_all([*values, log.signed_in_order(filing, "anne", "bert")])
    assert told(log.audit(), len(values)) == {"project.order"}


def test_a_report_of_a_project_nobody_registered(log):
    values, index = log.values(), log.decisions("report")[0][0]
    place = log.decisions("project")[0][0]
    log.sign_all([leaf for n, leaf in enumerate(values) if n != place])
    assert "project.unknown" in told(log.audit(), index - 1)


def test_an_altered_report_file(log):
    digest = log.decisions("report")[0][1]["content"]["sha256"]
    path = f"reports/{digest}.json"
    log.write(path, (log.root / path).read_bytes().replace(b"Phones", b"Phonez"))
    found = log.audit()
    assert [(d.code, d.path) for d in found.differences] == [("audit.content", path)]


def test_a_report_that_is_not_what_the_log_comes_to(log):
    """Signed by its owner and published in due form, yet of more grams than there are."""
    _, leaf = log.decisions("report")[1]
    old = (log.root / f"reports/{leaf['content']['sha256']}.json").read_bytes()
    grams = leaf["content"]["reported_g"]
    new = old.replace(f'"reported_g":"{grams}"'.encode(), f'"reported_g":"9{grams}"'.encode())
    (log.root / f"reports/{leaf['content']['sha256']}.json").unlink()
    digest = log.put_report(new)
    index = log.forge(
        "report", lambda r: r["content"].update(reported_g=f"9{grams}", sha256=digest), nth=1
    )
    found = log.audit()
    assert told(found, index) == {"audit.content"}
    assert f"reports/{digest}.json" in {d.path for d in found.differences}


@pytest.mark.parametrize(
    ("member", "value"),
    [("root", "0" * 64), ("records", 41), ("deficit_out_g", "-1"), ("er_g", "7")],
)
def test_a_report_leaf_that_says_something_else(log, member, value):
    index = log.forge("report", lambda leaf: leaf["content"].update({member: value}))
    found = log.audit()
    assert told(found, index) == {"audit.content"}
    assert any(f"what = {member}," in d.detail for d in found.differences)


def test_a_report_of_leaves_that_were_reported_before(log):
    """Each part begins where the issued one before it ends: no record feeds two issuances."""
    index = log.forge("report", lambda leaf: leaf["content"]["leaves"].update({"from": 0}), nth=1)
    assert "report.part" in told(log.audit(), index)


def test_a_report_before_the_month_is_over(log):
    index = log.forge("report", lambda leaf: leaf.update(at="2026-10-31T12:00:00+08:00"))
    assert told(log.audit(), index) == {"report.open"}


def test_a_missing_report_file_is_told(log):
    digest = log.decisions("report")[0][1]["content"]["sha256"]
    (log.root / f"reports/{digest}.json").unlink()
    found = log.audit()
    assert [(d.code, d.path) for d in found.differences] == [
        ("log.missing", f"reports/{digest}.json")
    ]


# --- the sample -----------------------------------------------------------------------------------


def test_a_commitment_after_the_report(log):
    """Whoever commits late has seen what is to be drawn."""
    values = log.values()
    first, report = log.decisions("commitment")[2][0], log.decisions("report")[1][0]
    late = values.pop(first)
    log.sign_all([*values[:report], late, *values[report:]])
    found = log.audit()
    assert "verification.late" in told(found, report)
    assert "report.commitment" in told(found, report - 1)


def test_a_nonce_nobody_committed_to(log):
    index = log.forge("reveal", lambda leaf: leaf["content"].update(nonce="ab" * 32))
    assert told(log.audit(), index) == {"sampling.reveal"}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda e: e["items"].pop(), id="an item less"),
        pytest.param(lambda e: e["items"][0].__setitem__(0, 0), id="another item"),
        pytest.param(lambda e: e.update(confidence=95), id="another plan"),
        pytest.param(lambda e: e.update(seed="cd" * 32), id="another seed"),
    ],
)
def test_a_draw_that_does_not_repeat(log, change):
    index = log.forge("reveal", lambda leaf: change(leaf["effect"]), nth=1)
    assert told(log.audit(), index) == {"audit.content"}


def test_a_draw_from_a_later_checkpoint(log):
    """The seed is that of the first checkpoint with the report: waiting for another draws anew."""
    report = log.decisions("report")[0][0]
    log.drop_checkpoint(min(size for size in log.sizes if size > report))
    (found,) = log.audit().differences
    assert (found.code, found.path[:12]) == ("log.missing", "checkpoints/")


def test_an_inspection_of_what_was_not_drawn(log):
    def change(leaf):
        leaf["content"] |= {"leaf": 0, "row": "-1"}
        leaf["id"] = "phones/2026-10/0/0/-1"

    index = log.forge("inspection", change)
    assert told(log.audit(), index) == {"evaluation.foreign"}


def test_a_statement_on_items_nobody_opened(log):
    values = log.values()
    (first, _), statement = log.decisions("inspection")[0], log.decisions("statement")[0][0]
    log.sign_all([leaf for n, leaf in enumerate(values) if n != first])
    assert told(log.audit(), statement - 1) == {"evaluation.unopened"}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("verified_g", "1", "verification.differs"),
        ("opinion", "adverse", "statement.contradiction"),
        ("report", "0" * 64, "verification.differs"),
        ("team", ["ab" * 16], "verification.differs"),
        ("seed", "ef" * 32, "verification.differs"),
    ],
)
def test_a_statement_that_says_something_else(log, field, value, code):
    index = log.forge("statement", lambda leaf: leaf["content"]["fields"].update({field: value}))
    assert code in told(log.audit(), index)


def test_a_statement_while_a_finding_is_open(log):
    values = log.values()
    closed, statement = log.decisions("finding_close")[0][0], log.decisions("statement")[1][0]
    log.sign_all([leaf for n, leaf in enumerate(values) if n != closed])
    assert told(log.audit(), statement - 1) == {"verification.blocked"}


# --- credits --------------------------------------------------------------------------------------


def test_issued_too_much(log):
    def change(leaf):
        more = str(int(leaf["content"]["credits"]) + 1)
        leaf["content"]["credits"] = leaf["effect"]["credits"] = more
        last = leaf["effect"]["serials"][-1]
        last["last"] = str(int(last["last"]) + 1)

    index = log.forge("issuance", change, nth=1)
    assert told(log.audit(), index) == {"issuance.credits", "audit.content"}


@pytest.mark.parametrize(
    ("member", "value"), [("buffer", "0"), ("carry_in_g", "1"), ("carry_out_g", "1"), ("to", 9)]
)
def test_an_issuance_whose_figures_do_not_follow(log, member, value):
    index = log.forge("issuance", lambda leaf: leaf["effect"].update({member: value}), nth=1)
    assert told(log.audit(), index) == {"audit.content"}


def test_the_buffer_is_not_given_to_the_owner(log):
    index = log.forge(
        "issuance", lambda leaf: leaf["effect"]["serials"][1].update(account="holder/zhuan"), nth=1
    )
    assert told(log.audit(), index) == {"audit.content"}


def test_overlapping_serials(log):
    def change(leaf):
        for told_ in leaf["effect"]["serials"]:
            told_ |= {name: str(int(told_[name]) - 1) for name in ("first", "last")}

    index = log.forge("issuance", change, nth=1)
    assert told(log.audit(), index) == {"serial.next"}


def test_serials_left_out(log):
    def change(leaf):
        for told_ in leaf["effect"]["serials"]:
            told_ |= {name: str(int(told_[name]) + 1) for name in ("first", "last")}

    index = log.forge("issuance", change, nth=1)
    assert told(log.audit(), index) == {"serial.next"}


def test_a_report_issued_by_its_verifier(log):
    """Anne verified here: her key is the verifier's in the assignment of the second part."""
    verifier = log.person("anne")
    index = log.decisions("issuance")[1][0]
    log.forge("assignment", lambda leaf: leaf["content"].update(verifier=verifier), nth=1)
    assert "issuance.verifier" in told(log.audit(), index)


def test_retired_twice(log):
    values = log.values()
    _, leaf = log.decisions("retirement")[0]
    again = log.signed({**leaf, "id": "wedding-2"})
    log.sign_all([*values, again])
    assert told(log.audit(), len(values)) == {"serial.not_held"}


def test_a_transfer_of_what_is_not_held(log):
    """Of serials in the buffer, and of such as were never issued."""
    buffer = log.decisions("issuance")[0][1]["effect"]["serials"][1]
    assert buffer["account"] == "buffer"
    for first in (int(buffer["last"]) - 49, 10_000):
        serials = [{"first": str(first), "last": str(first + 49)}]
        index = log.forge("transfer", lambda leaf, new=serials: leaf["effect"].update(serials=new))
        assert told(log.audit(), index) == {"serial.not_held"}


def test_a_transfer_of_more_than_was_asked(log):
    def change(leaf):
        last = leaf["effect"]["serials"][-1]
        last["last"] = str(int(last["last"]) + 1)

    index = log.forge("transfer", change)
    assert told(log.audit(), index) == {"serial.count"}


def test_other_serials_than_asked(log):
    def change(leaf):
        first = int(leaf["effect"]["serials"][0]["first"])
        leaf["content"]["serials"] = {"first": str(first + 1), "last": str(first + 50)}

    index = log.forge("transfer", change)
    assert told(log.audit(), index) == {"serial.count"}


def test_a_transfer_by_a_frozen_holder(log):
    values, index = log.values(), log.decisions("transfer")[0][0]
    freeze = {
        "type": "decision",
        "kind": "freeze",
        "id": "zhuan/1",
        "content": {"holder": "zhuan", "reason": "court"},
        "effect": {},
        "at": "2026-11-30T09:00:00+08:00",
        "signatures": [],
    }
    log.sign_all([*values[:index], log.signed_in_order(freeze, "anne"), *values[index:]])
    assert told(log.audit(), index + 1) == {"holding.frozen"}


def test_a_transfer_to_a_counterparty_named_the_day_before(log):
    index = log.decisions("transfer")[0][0]
    log.forge("counterparty", lambda leaf: leaf.update(at="2026-11-29T12:00:00+08:00"))
    assert told(log.audit(), index) == {"holding.waiting"}


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("credits", "0", "restatement.differs"),
        ("sha256", None, "restatement.differs"),
        ("report", "phones/2026-10/7", "audit.skipped"),
    ],
)
def test_a_restatement_that_is_too_small(log, member, value, code):
    """Fewer credits are made good than the correction takes away, or another report is named."""

    def change(leaf):
        entry = leaf["content"]["reports"][0]
        entry[member] = value or log.decisions("report")[0][1]["content"]["sha256"]

    index = log.forge("restatement", change)
    assert code in told(log.audit(), index)


@pytest.mark.parametrize(
    ("member", "value"), [("buffer", "1"), ("owed_g", "1000"), ("after", 5), ("owner", "9")]
)
def test_a_restatement_whose_effect_does_not_follow(log, member, value):
    index = log.forge(
        "restatement", lambda leaf: leaf["effect"]["reports"][0].update({member: value})
    )
    assert "audit.content" in told(log.audit(), index)


def test_a_withdrawn_factor_reaches_every_report_that_used_it(log):
    """Both parts used the factor; only the first is restated."""
    used = log.report(1)["factor_rows"][0]
    values = log.values()
    index, leaf = log.decisions("restatement")[0]
    values.pop(index)
    leaf["content"]["withdrawn"] = [used]
    log.sign_all([*values, log.signed(leaf)])
    assert "restatement.lacking" in told(log.audit(), len(values))


# --- corrections of what was issued ---------------------------------------------------------------


def test_an_issued_record_corrected_without_a_restatement(log):
    """The correction is in its form and names one fact, once; but nobody made good for it."""
    record = next(leaf for leaf in log.values() if leaf["type"] == "record")
    fact = log.values()[30]["row"]["id"]
    assert record["project"] == "phones"
    values = [*log.values(), {"type": "correction", "replaces": fact, "reason": "returned"}]
    log.sign_all(values)
    assert told(log.audit(), len(values) - 1) == {"audit.corrected"}


def test_a_restatement_that_leaves_out_a_report(log):
    """It withdraws a record of the second part, and names the first part only."""
    values = log.values()
    index, leaf = log.decisions("restatement")[0]
    first = log.decisions("issuance")[1][0]
    values.pop(index)
    leaf["content"]["replaced"].append(log.late_fact(3))
    log.sign_all([*values[:first], log.signed(leaf), *values[first:]])
    assert first < len(values)
    assert "restatement.lacking" in told(log.audit(), first)


# --- from the web, and with witnesses -------------------------------------------------------------


@pytest.fixture
def remote(log):
    """The same log behind an address, which lists nothing."""

    class Unlisted(Folder):
        def paths(self):
            return None

    return PublishedLog(Unlisted(log.root))


def test_the_draw_repeats_where_nothing_can_be_listed(log, remote):
    found = audit(remote, log.key, quiet, jobs=1)
    assert found.differences == ()
    assert {note.code for note in found.notes} == {"audit.history_unlisted"}


def test_a_draw_whose_checkpoint_is_far_away_is_told(log, remote, monkeypatch):
    monkeypatch.setattr(heads, "MAX_PROBES", 0)
    found = audit(remote, log.key, quiet, jobs=1)
    assert found.differences == ()
    assert {note.code for note in found.notes} == {"audit.history_unlisted", "audit.draw_unlisted"}


def test_witnesses_do_not_change_a_draw(log, tmp_path):
    """Their lines come after the log's own signature, which alone makes the seed."""
    signer = SigningKey.create(tmp_path / "witness.key", "witness.example")
    witness = Key("witness.example", signer.key.public, COSIGNATURE)
    for size in log.sizes:
        path = history_path(size)
        note = cosign((log.root / path).read_bytes(), 1_700_000_000, witness, signer.sign)
        log.write(path, note)
    log.write("checkpoint", note)
    assert log.audit().differences == ()
