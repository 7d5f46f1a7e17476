"""A pilot project with its people: keys, roles, and the way from records to issued credits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from carbon.adapters.clock import ZONE
from carbon.bootstrap.registrar import Registrar
from carbon.bootstrap.system import System
from carbon.bootstrap.verification import Inspected
from carbon.domain.errors import LANGS, CarbonError
from conftest import a_phone

MONTH = "2026-10"
REPORT = "phones/2026-10/0"
ASSET = "credit/HD-REUSE v1/2026/pilot"
#: Who takes part: roles and organisation.
PEOPLE = {
    "anne": (["issuer"], "bureau"),
    "bert": (["issuer"], "bureau"),
    "vera": (["verifier"], "verity"),
    "rita": (["reviewer"], "verity"),
    "otto": (["owner"], "zhuan"),
    "gina": (["owner"], "green"),
}
DESIGN: Mapping[str, Any] = {
    "title": {"zh": "手机再使用", "en": "Phones used again"},
    "kind": "enterprise",
    "owner": "zhuan",
    "owner_name": {"zh": "示例企业", "en": "Example enterprise"},
    "methodology": "HD-REUSE v1",
    "start": "2026-01-01",
    "crediting": {"from": "2026-01-01", "to": "2028-12-31"},
    "shares": [{"party": "enterprise", "bp": 10_000}],
    "declarations": ["outside_ets", "no_other_platform", "no_maker_claim"],
    "baselines": [
        {
            "category": "phones_digital",
            "measure": "piece",
            "monthly": "10",
            "months": 12,
            "source": "invoices 2025",
        }
    ],
    "authority": {"zh": "河东区生态环境局", "en": "Hedong ecology bureau"},
}
WRITTEN = {
    "responsible_party": "Example enterprise",
    "criteria": "HD-REUSE v1, ISO 14064-3",
    "boundary": "phones sold again in Hedong",
    "objective": "reasonable assurance on the month's reduction",
    "assurance": "reasonable",
    "independence": "no interest in the project",
}


#: How far a project can be; see `conftest.pilot_at`.
STAGES = ("enrolled", "committed", "reported", "drawn", "stated", "issued")


def refused(code: str, act: Callable[..., object], *arguments: Any, **named: Any) -> CarbonError:
    """The refusal that an act meets; its message is complete in both languages."""
    with pytest.raises(CarbonError, match=re.escape(f"[{code}]")) as caught:
        act(*arguments, **named)
    for lang in LANGS:
        assert "{" not in caught.value.say(lang)
    return caught.value


def quiet(*_: object) -> None:
    """Progress nobody watches."""


@dataclass
class Pilot:
    """Everybody's keys, and one step a method; each returns what the registry answers."""

    system: System
    folder: Path
    #: Where they act, if not in process.
    at_door: Any = None

    @property
    def registry(self) -> Registrar:
        return self.at_door or self.system.registry

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def keys(self, *names: str) -> list[Path]:
        return [self.key(name) for name in names]

    @property
    def clock(self) -> Any:
        return self.system.clock

    def decide(self, kind: str, id_: str, content: Mapping[str, Any], *names: str) -> Any:
        """Sign as everybody named, in turn; the last answer."""
        return [self.registry.decide(kind, id_, content, key) for key in self.keys(*names)][-1]

    # --- one signature each, by a key ----------------------------------------------------------

    def assignment(
        self, project: str, month: str, people: tuple[str, str], risk: tuple[str, str], key: Path,
        expected_bp: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        return self.registry.sign(
            [key], "assignment", project=project, month=month, verifier=people[0],
            reviewer=people[1], inherent=risk[0], control=risk[1], expected_bp=expected_bp,
        )  # fmt: skip

    def conflict(
        self, project: str, named: Mapping[str, str], reason: str, key: Path
    ) -> dict[str, Any]:
        return self.registry.sign([key], "conflict", project=project, reason=reason, **named)

    def find(self, report: str, class_: str, text: str, key: Path) -> dict[str, Any]:
        return self.registry.sign([key], "finding", report=report, class_=class_, text=text)

    def answer(self, finding: str, text: str, key: Path) -> dict[str, Any]:
        return self.registry.sign([key], "finding_answer", finding=finding, text=text)

    def close(self, finding: str, text: str, key: Path) -> dict[str, Any]:
        return self.registry.sign([key], "finding_close", finding=finding, text=text)

    def retire(
        self, id_: str, holder: str, asset: str, credits_: int, beneficiary: str, purpose: str,
        keys: list[Path], serials: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        return self.registry.sign(
            keys, "retirement", id_=id_, holder=holder, asset=asset, credits_=credits_,
            beneficiary=beneficiary, purpose=purpose, serials=serials,
        )  # fmt: skip

    def restate(
        self, replaced: list[str], withdrawn: list[str], reason: str, text: str, keys: list[Path]
    ) -> dict[str, Any]:
        return self.registry.sign(
            keys, "restatement", replaced=replaced, withdrawn=withdrawn, reason=reason, text=text
        )

    def join(self, name: str, identity: str, roles: list[str], organisation: str) -> dict[str, Any]:
        """One more person, or one more key of a person; the card that was registered."""
        card = self.registry.enrol(self.key(name), identity, roles, organisation)
        self.decide("member", name, {"members": [card]}, "anne", "bert")
        return card

    def leave(self, name: str) -> None:
        """A person's key is ended."""
        content = {"keys": [self.registry.signer(self.key(name)).key], "reason": "left"}
        self.decide("member_end", name, content, "anne", "bert")

    def demonstrating(self) -> Pilot:
        """The same under settings by which pilot units move."""
        self.system.settings = replace(self.system.settings, demonstration=True)
        return self

    def trust(self) -> None:
        """The owner names a counterparty, and the days until it may get credits pass."""
        self.decide("counterparty", "zhuan/green", {"holder": "zhuan", "other": "green"}, "otto")
        self.clock.at = at("2026-11-30T12:00:00")

    def transfer(self, id_: str, credits_: int, **changes: Any) -> dict[str, Any]:
        """From the owner to its counterparty."""
        content = {"asset": ASSET, "from": "zhuan", "to": "green", "credits": str(credits_)}
        return self.decide("transfer", id_, content | changes, "otto")

    def settle(self) -> list[dict[str, Any]]:
        """Let the time to take things back pass."""
        self.clock.move(minutes=10)
        return self.registry.settle()

    def sequence(self) -> None:
        self.system.sequence(quiet)

    def enrol(self) -> None:
        cards = []
        for name, (roles, organisation) in PEOPLE.items():
            cards.append(
                self.registry.enrol(self.key(name), f"phone of {name}", roles, organisation)
            )
        for key in self.keys("anne", "bert"):
            self.registry.decide("member", "first", {"members": cards}, key)

    def register(self, **changes: Any) -> dict[str, Any]:
        return self.registry.decide("project", "phones", {**DESIGN, **changes}, self.key("otto"))

    def records(self, phone: Callable[..., dict[str, str]], count: int, first: int = 1) -> None:
        for number in range(first, first + count):
            cells = phone(number, evidence="certified_scale", age_years=f"{1 + number % 3}")
            answer = self.system.record(cells, project="phones")
            assert answer["accepted"] == 1, answer

    def assign(self, month: str = MONTH) -> dict[str, Any]:
        people = (self.person("vera"), self.person("rita"))
        return self.assignment("phones", month, people, ("low", "low"), self.key("anne"))

    def person(self, name: str) -> str:
        return self.registry.person(f"phone of {name}")

    def commit(self, month: str = MONTH) -> None:
        for name in ("vera", "anne"):
            nonce = self.folder / f"{name}-{month}.nonce"
            self.registry.verification.commit("phones", month, nonce, self.key(name))

    def report(
        self, month: str = MONTH, project: str = "phones", name: str = "otto"
    ) -> dict[str, Any]:
        return self.registry.sign([self.key(name)], "report", project=project, month=month)

    def reveal(self, report: str = REPORT, month: str = MONTH) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        for name in ("vera", "anne"):
            nonce = self.folder / f"{name}-{month}.nonce"
            answer = self.registry.verification.reveal(report, nonce, self.key(name))
        return answer

    def inspect(self, report: str = REPORT) -> None:
        """Open all items; each is found as reported."""
        work = self.registry.verification
        rows = work.work_list(report, self.person("vera"))
        found = [Inspected(int(r["leaf"]), int(r["row"]), int(r["er_g"])) for r in rows]
        work.inspect(report, found, self.key("vera"))

    def state(self, report: str = REPORT) -> dict[str, Any]:
        keys = self.keys("vera", "rita")
        return self.registry.sign(keys, "statement", report=report, written=WRITTEN)

    def issue(self, report: str = REPORT) -> dict[str, Any]:
        return self.registry.sign(self.keys("anne", "bert"), "issuance", report=report)

    def reach(self, stage: str) -> None:
        """Go from the stage before to this one."""
        match stage:
            case "enrolled":
                self.folder.mkdir()
                self.system.init_log("log.example.cn/hedong")
                self.enrol()
                self.register()
            case "committed":
                self.records(a_phone, 40)
                self.assign()
                self.commit()
            case "reported":
                self.report()
            case "drawn":
                self.reveal()
            case "stated":
                self.inspect()
                self.state()
            case "issued":
                self.issue()
        self.sequence()

    def month_to_statement(self, month: str, part: int = 0) -> str:
        """Everything from the assignment to a published statement, of records already stored."""
        report = f"phones/{month}/{part}"
        self.assign(month)
        for name in ("vera", "anne"):
            (self.folder / f"{name}-{month}.nonce").unlink(missing_ok=True)
        self.commit(month)
        self.sequence()
        self.report(month)
        self.sequence()
        self.reveal(report, month)
        self.inspect(report)
        self.state(report)
        self.sequence()
        return report

    def month_to_credits(self, month: str, part: int = 0) -> dict[str, Any]:
        """And on to published credits; returns what was issued."""
        answer = self.issue(self.month_to_statement(month, part))
        self.sequence()
        return answer["effect"]

    def to_statement(self, phone: Callable[..., dict[str, str]], count: int = 40) -> None:
        """Everything up to a published statement."""
        self.enrol()
        self.register()
        self.records(phone, count)
        self.assign()
        self.commit()
        self.sequence()
        self.report()
        self.sequence()
        self.reveal()
        self.inspect()
        self.state()
        self.sequence()

    def to_credits(self, phone: Callable[..., dict[str, str]], count: int = 40) -> dict[str, Any]:
        """Everything up to published credits; returns what was issued."""
        self.to_statement(phone, count)
        answer = self.issue()
        self.sequence()
        return answer["effect"]


def at(text: str) -> datetime:
    """A moment in Tianjin."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)
