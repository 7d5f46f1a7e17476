"""Long random lives of a registry on both engines: who holds which serial, against a plain model.

As many rules try what is forbidden as what is allowed. Reports and statements are planted as the
facts they would be; decisions are signed by real keys and go through the registry's own rules.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from carbon.adapters.store import tables as t
from carbon.bootstrap.registrar import RULES, _signature
from carbon.domain.credit.decision import Decision, Signature, digest
from carbon.domain.credit.standing import deficit_g
from carbon.services.registry.decide import decide
from carbon.services.registry.issuing import CATALOGUE
from carbon.services.registry.restating import AFFECTED
from pilot import ASSET, Pilot, at, refused

HOLDERS = {"zhuan": "otto", "green": "gina", "hill": "hans"}
holders = st.sampled_from(sorted(HOLDERS))
#: The owner has credits first.
givers = st.just("zhuan") | holders
kinds = st.sampled_from(("transfer", "retirement", "cancellation"))
MONTHS = [f"2026-{month:02d}" for month in range(1, 11)]


class RegistryMachine(RuleBasedStateMachine):
    """A registry, and who should hold what: serial → account, and what is promised."""

    def __init__(self, pilot: Pilot) -> None:
        super().__init__()
        self.pilot, self.registry = pilot, pilot.registry
        pilot.join("hans", "phone of hans", ["owner"], "hill")
        for one, name in HOLDERS.items():
            for other in HOLDERS.keys() - {one}:
                content = {"holder": one, "other": other}
                pilot.decide("counterparty", f"{one}/{other}", content, name)
        pilot.clock.at = at("2026-11-30T12:00:00")
        self.made = 0
        self.at: dict[int, str] = {}
        self.due: dict[str, tuple[str, dict[str, Any], list[int], Any]] = {}
        self.done: dict[str, tuple[str, dict[str, Any]]] = {}
        self.frozen: dict[str, int] = dict.fromkeys(HOLDERS, 0)
        self.lifted: dict[str, int] = dict.fromkeys(HOLDERS, 0)
        self.issued: list[tuple[str, dict[str, Any], int]] = []
        self.carry = 0
        self.restated: dict[str, int] = {}
        self.retired = 0

    def teardown(self) -> None:
        self.pilot.system.close()

    # --- the model --------------------------------------------------------------------------------

    def promised(self) -> set[int]:
        return {serial for *_, serials, _ in self.due.values() for serial in serials}

    def free(self, account: str) -> list[int]:
        promised = self.promised()
        return sorted(s for s, own in self.at.items() if own == account and s not in promised)

    def is_frozen(self, holder: str) -> bool:
        return self.frozen[holder] > self.lifted[holder]

    def name(self) -> str:
        self.made += 1
        self.pilot.clock.move(seconds=1)
        return f"d{self.made}"

    # --- the registry -----------------------------------------------------------------------------

    def plant(self, kind: str, id_: str, content: dict[str, Any], effect: dict[str, Any]) -> None:
        """A decision as if its rules had let it pass."""
        signer = self.registry.signer(self.pilot.key("vera"))
        other = self.registry.signer(self.pilot.key("rita"))
        with self.registry.deciding() as context:
            signed = (Signature(signer.key, "0" * 128),)
            planted = Decision(kind, id_, content, context.at(), signed, effect)
            context.unit.add(planted, [signer, other])

    def publish(self) -> int:
        """Every fact gets its place; returns the size of the log."""
        with self.pilot.system.database.write() as connection:
            last = connection.execute(sa.select(sa.func.max(t.fact.c.leaf_index))).scalar()
            waiting = sa.select(t.fact.c.seq).where(t.fact.c.leaf_index.is_(None))
            size = 0 if last is None else last + 1
            for seq in connection.execute(waiting.order_by(t.fact.c.seq)).scalars().all():
                place = sa.update(t.fact).where(t.fact.c.seq == seq)
                connection.execute(place.values(leaf_index=size))
                size += 1
        return size

    def signed(
        self, kind: str, id_: str, content: dict[str, Any], prepared: dict[str, Any], *names: str
    ) -> dict[str, Any]:
        """Sign with what was prepared, as the registrar does with what it read of the log."""
        answer: dict[str, Any] = {}
        for key in self.pilot.keys(*names):
            signature = _signature(digest(kind, id_, content), key)
            with self.registry.deciding(prepared) as context:
                answer = decide(context, RULES, kind, id_, content, signature)
        return answer

    def document(self, month: str, grams: int) -> dict[str, Any]:
        with self.registry.reading() as decisions:
            deficit = deficit_g(decisions, "phones")
        whole = max(0, grams)
        return {
            "methodology": "HD-REUSE v1",
            "period": month,
            "part": 0,
            "leaves": {"from": 0, "to": 10},
            "known": 10,
            "factor_rows": [],
            "cells": [],
            "totals": {"er_g": str(whole)},
            "uncertainty": {"percentile": 33, "percentiles_g": {"p33": str(whole)}},
            "deficit_in_g": str(deficit),
            "reported_g": str(max(0, grams + deficit)),
            "deficit_out_g": str(min(0, grams + deficit)),
        }

    # --- allowed ----------------------------------------------------------------------------------

    @initialize(grams=st.integers(5_000, 60_000))
    def begin(self, grams: int) -> None:
        """Something to move from the start."""
        self.issue(grams)

    @precondition(lambda self: len(self.issued) < len(MONTHS) and not self.is_frozen("zhuan"))
    @rule(grams=st.integers(-3_000, 40_000))
    def issue(self, grams: int) -> None:
        month = MONTHS[len(self.issued)]
        report, document = f"phones/{month}/0", self.document(month, grams)
        people = {"verifier": self.pilot.person("vera"), "reviewer": self.pilot.person("rita")}
        own = {"project": "phones", "month": month, "part": 0}
        verified = int(document["reported_g"])
        self.plant("assignment", report, own | people, {})
        self.plant("report", report, own, {})
        opinion = {"verified_g": str(verified), "opinion": "positive"}
        self.plant("statement", report, {"report": report, "fields": {}}, opinion)
        self.publish()
        credits_, rest = divmod(verified + self.carry, 1_000)
        buffer = -(-credits_ * 5 // 100)
        content = {"report": report, "credits": str(credits_)}
        prepared = {report: document, CATALOGUE: self.pilot.system.catalogue}
        wrong = content | {"credits": str(credits_ + 1)}
        refused("issuance.credits", self.signed, "issuance", report, wrong, prepared, "anne")
        told = self.signed("issuance", report, content, prepared, "anne", "bert")
        assert told["effect"]["carry_out_g"] == str(rest)
        first = len(self.at) + 1
        for serial in range(first, first + credits_):
            owned = serial < first + credits_ - buffer
            self.at[serial] = "holder/zhuan" if owned else "buffer"
        self.carry = rest
        self.issued.append((report, document, credits_))
        assert self.signed("issuance", report, content, prepared, "bert") == told
        self.publish()

    @rule(kind=kinds, giver=givers, other=holders, credits_=st.integers(1, 12), data=st.data())
    def move(self, kind: str, giver: str, other: str, credits_: int, data: st.DataObject) -> None:
        """By number or by serials: it is promised where the model says so, refused elsewhere."""
        content: dict[str, Any] = {"asset": ASSET, "credits": str(credits_)}
        content |= {"from": giver, "to": other} if kind == "transfer" else {"holder": giver}
        if kind == "retirement":
            content |= {"beneficiary_sha256": "0" * 64, "purpose": "event"}
        if kind == "cancellation":
            content |= {"reason": "asked"}
        free = self.free(f"holder/{giver}")
        first = data.draw(st.just(0) | st.sampled_from(free or [1]) | st.integers(0, len(self.at)))
        serials = free[:credits_]
        if first:
            serials = list(range(first, first + credits_))
            content["serials"] = {"first": str(first), "last": str(first + credits_ - 1)}
        act = self.pilot.decide, kind, self.name(), content, HOLDERS[giver]
        if self.is_frozen(giver) or (kind == "transfer" and self.is_frozen(other) != 0):
            same = kind == "transfer" and giver == other and not self.is_frozen(giver)
            refused("holding.self" if same else "holding.frozen", *act)
        elif kind == "transfer" and giver == other:
            refused("holding.self", *act)
        elif credits_ > len(free):
            refused("ledger.insufficient", *act)
        elif not set(serials) <= set(free):
            refused("serial.elsewhere", *act)
        else:
            due = act[0](*act[1:])
            assert due["state"] == "due"
            self.due[act[2]] = (kind, content, serials, self.pilot.clock.at)

    @rule(minutes=st.sampled_from((1, 9, 10)))
    def settle(self, minutes: int) -> None:
        self.pilot.clock.move(minutes=minutes)
        told = {one["id"]: one for one in self.registry.settle()}
        for id_, (kind, content, serials, made) in list(self.due.items()):
            if (self.pilot.clock.at - made).total_seconds() < 600:
                assert id_ not in told, "its time has not passed"
                continue
            giver = content.get("from") or content["holder"]
            if self.is_frozen(giver) or (kind == "transfer" and self.is_frozen(content["to"])):
                assert told[id_]["reason"] == "holding.frozen"
                continue
            target = {"retirement": "retired", "cancellation": "cancelled"}
            to = f"holder/{content['to']}" if kind == "transfer" else target[kind]
            assert told[id_]["state"] == "done"
            self.at.update(dict.fromkeys(serials, to))
            self.done[id_] = (kind, content)
            del self.due[id_]

    @precondition(lambda self: self.due)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.due)))
        _, content, _, made = self.due[id_]
        key = self.pilot.key(HOLDERS[content.get("from") or content["holder"]])
        if (self.pilot.clock.at - made).total_seconds() >= 600:
            refused("decision.final", self.registry.undo, id_, key)
        else:
            assert self.registry.undo(id_, key)["state"] == "undone"
            del self.due[id_]

    @rule(holder=holders)
    def freeze_or_lift(self, holder: str) -> None:
        content = {"holder": holder, "reason": "asked"}
        if self.is_frozen(holder):
            number = self.frozen[holder] + 1
            refused(
                "holding.frozen", self.pilot.decide, "freeze", f"{holder}/{number}", content, "anne"
            )
            number = self.lifted[holder] + 1
            self.pilot.decide("unfreeze", f"{holder}/{number}", content, "anne", "bert")
            self.lifted[holder] += 1
        else:
            number = self.lifted[holder] + 1
            refused(
                "holding.not_frozen", self.pilot.decide, "unfreeze", f"{holder}/{number}", content,
                "anne",
            )  # fmt: skip
            self.frozen[holder] += 1
            number = self.frozen[holder]
            self.pilot.decide("freeze", f"{holder}/{number}", content, "anne")

    @precondition(lambda self: any(credits_ for *_, credits_ in self.issued))
    @rule(data=st.data(), share=st.integers(0, 100))
    def restate(self, data: st.DataObject, share: int) -> None:
        """A report comes to a share of what it was: buffer first, then owner, the rest is owed."""
        report, before, issued = data.draw(st.sampled_from([one for one in self.issued if one[2]]))
        grams = int(before["reported_g"]) * share // 100
        whole = str(grams)
        after = before | {
            "reported_g": whole,
            "totals": {"er_g": whole},
            "uncertainty": {"percentile": 33, "percentiles_g": {"p33": whole}},
        }
        with self.registry.reading() as decisions:
            carry_in = int(decisions.find("issuance", report).decision.effect["carry_in_g"])
        good = self.restated.get(report, 0)
        excess = max(0, issued - (grams + carry_in) // 1_000 - good)
        entry = {"report": report, "credits": str(excess), "sha256": "a" * 64}
        content = {
            "reports": [entry], "known": self.publish(), "replaced": [], "withdrawn": [],
            "reason": "returned", "text": "asked",
        }  # fmt: skip
        now = SimpleNamespace(document=after, sha256="a" * 64)
        prepared = {AFFECTED: [report], report: (before, now)}
        wrong = content | {"reports": [entry | {"credits": str(excess + 1)}]}
        act = self.signed, "restatement", self.name()
        refused("restatement.differs", *act, wrong, prepared, "anne")
        told = self.signed("restatement", act[2], content, prepared, "anne", "bert")["effect"]
        (one,) = told["reports"]
        missing = excess
        for name, account in (("buffer", "buffer"), ("owner", "holder/zhuan")):
            taken = self.free(account)[: min(missing, len(self.free(account)))]
            assert one[name] == str(len(taken))
            self.at.update(dict.fromkeys(taken, "cancelled"))
            missing -= len(taken)
        assert one["owed_g"] == str(missing * 1_000)
        self.restated[report] = good + excess
        refused("request.conflict", *act, content | {"text": "other"}, prepared, "anne")
        self.publish()
        again = content | {"known": self.publish()}
        if excess:
            refused("restatement.differs", self.signed, "restatement", self.name(), again, prepared,
                    "anne")  # fmt: skip

    # --- forbidden --------------------------------------------------------------------------------

    @precondition(lambda self: self.due or self.done)
    @rule(data=st.data())
    def replay_with_other_content(self, data: st.DataObject) -> None:
        known = {id_: one[:2] for id_, one in self.due.items()} | self.done
        id_ = data.draw(st.sampled_from(sorted(known)))
        kind, content = known[id_]
        signer = HOLDERS[content.get("from") or content["holder"]]
        other = content | {"credits": str(int(content["credits"]) + 1)}
        other.pop("serials", None)
        refused("request.conflict", self.pilot.decide, kind, id_, other, signer)
        state = self.pilot.decide(kind, id_, content, signer)["state"]
        assert state == ("done" if id_ in self.done else "due"), "the same call is told the same"

    @rule(giver=holders, thief=holders)
    def give_what_is_anothers(self, giver: str, thief: str) -> None:
        if giver == thief:
            return
        content = {"asset": ASSET, "from": giver, "to": thief, "credits": "1"}
        act = self.pilot.decide, "transfer", self.name(), content, HOLDERS[thief]
        refused("decision.organisation", *act)

    @precondition(lambda self: any(own in ("retired", "cancelled") for own in self.at.values()))
    @rule(data=st.data(), holder=holders)
    def move_what_is_gone(self, data: st.DataObject, holder: str) -> None:
        gone = [s for s, own in self.at.items() if own in ("retired", "cancelled")]
        serial = data.draw(st.sampled_from(gone))
        if self.is_frozen(holder) or not self.free(f"holder/{holder}"):
            return
        content = {
            "asset": ASSET, "holder": holder, "credits": "1", "reason": "asked",
            "serials": {"first": str(serial), "last": str(serial)},
        }  # fmt: skip
        act = self.pilot.decide, "cancellation", self.name(), content, HOLDERS[holder]
        refused("serial.elsewhere", *act)

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def undo_what_is_done(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.done)))
        refused("decision.unknown", self.registry.undo, id_, self.pilot.key("otto"))

    @precondition(lambda self: self.issued)
    @rule(data=st.data())
    def issue_again(self, data: st.DataObject) -> None:
        report, document, credits_ = data.draw(st.sampled_from(self.issued))
        prepared = {report: document, CATALOGUE: self.pilot.system.catalogue}
        content = {"report": report, "credits": str(credits_ + 1)}
        refused("request.conflict", self.signed, "issuance", report, content, prepared, "anne")

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def everybody_holds_what_they_should(self) -> None:
        """Issued = held + buffer + retired + cancelled, serial by serial, on ledger and lists."""
        found: dict[int, str] = {}
        promised: set[int] = set()
        with self.pilot.system.database.read() as connection:
            for row in connection.execute(sa.select(t.holding)):
                for serial in range(row.first, row.last + 1):
                    assert serial not in found, "serials never overlap"
                    found[serial] = row.account
                    if row.hold is not None:
                        promised.add(serial)
            blocks = connection.execute(sa.select(t.block)).all()
        assert found == self.at
        assert promised == self.promised()
        assert {s for b in blocks for s in range(b.first, b.last + 1)} == set(self.at)
        with self.registry.reading() as decisions:
            for account in {*self.at.values(), "retired"}:
                if account not in ("retired", "cancelled"):
                    assert decisions.balance(ASSET, account) == len(self.free(account))
        retired = sum(own == "retired" for own in self.at.values())
        assert retired >= self.retired, "retired is terminal"
        self.retired = retired


def test_lives_of_a_registry(pilot_at):
    """Random histories on each engine; `make soak` and CARBON_EXAMPLES ask for more."""

    def machine() -> RegistryMachine:
        return RegistryMachine(pilot_at("enrolled").demonstrating())

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=max(2, int(os.environ.get("CARBON_EXAMPLES", "100")) // 8),
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
