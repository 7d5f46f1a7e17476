"""A day at every desk, over HTTP, each person with an account of their own and the real client.

Nothing is done in process but what an operator does at the console: the first two operators, the
first issuers' keys, and the clock.
"""

from __future__ import annotations

import pytest
from litestar.testing import TestClient

from carbon.adapters.request_key import KeyAuth
from carbon.audit import audit
from carbon.client import Client
from carbon.domain.credit.issuance import serial
from carbon.domain.roles import Role
from carbon.files.check_receipt import check
from carbon.files.log_folder import open_log
from carbon.web.app import create_app
from people import PASSWORD, admitted, enrolled, operators
from pilot import ASSET, DESIGN, MONTH, PEOPLE, REPORT, WRITTEN, Pilot, at, quiet, refused

#: The account of everybody who signs.
ROLES = {
    "anne": Role.ISSUER,
    "bert": Role.ISSUER,
    "vera": Role.VERIFIER,
    "rita": Role.VERIFIER,
    "otto": Role.ENTERPRISE,
    "gina": Role.ENTERPRISE,
}


@pytest.fixture
def town(system, tmp_path):
    """Accounts of everybody, and clients who have signed in."""
    pilot = Pilot(system, tmp_path / "people").demonstrating()
    pilot.folder.mkdir()
    pilot.enrol()
    both = operators(system)
    with TestClient(create_app(system)) as http:

        class Town:
            def __init__(self):
                self.pilot, self.people = pilot, {}
                for name, role in ROLES.items():
                    own = PEOPLE[name][1], f"phone of {name}"
                    granted = admitted(system, both, role, name, *own)
                    self.people[name] = enrolled(system, granted)

            def client(self, name, *, stepped_up=True):
                """A fresh session: the clock moves by days in this story."""
                person, client = self.people[name], Client("", http=http)
                client.sign_in(person.id, PASSWORD, person.code())
                if stepped_up:
                    client.step_up(person.code())
                return client

            def sign(self, kind, *names, **given):
                """Proposed by the first one, signed by each with their own account and key."""
                first = self.client(names[0])
                told, answer = first.propose(kind, **given), {}
                for name in names:
                    client = first if name == names[0] else self.client(name)
                    answer = client.decide(
                        kind, told["id"], told["content"], pilot.key(name), told["private"]
                    )
                return answer

            def station(self):
                granted = admitted(system, both, Role.STATION, "scale-1", "zhuan")
                told = system.accounts.make_key(both[0].actor(), granted.account.id, "key-1")
                auth = KeyAuth("key-1", told, system.clock.now)
                return Client("", http=http, auth=auth)

            public = Client("", http=http)

        yield Town()


def test_from_a_scan_to_a_certificate(town, system, phone, clock):  # noqa: PLR0915  a whole life
    pilot = town.pilot
    town.sign("project", "otto", project="phones", design=DESIGN)

    # A station scans; one record by one, then a batch of which one is wrong, and none of it twice.
    station = town.station()
    cells = [phone(n, evidence="certified_scale", age_years=f"{1 + n % 3}") for n in range(1, 41)]
    first = station.record(cells[0], project="phones")
    assert (first["status"], first["er_g"] > 0) == ("stored", True)
    assert station.record(cells[0], project="phones") == first
    wrong = phone(99, mass_kg="heavy")
    answers = station.records([*cells[1:], wrong], project="phones")
    assert [a["status"] for a in answers] == ["stored"] * 39 + ["rejected"]
    assert answers[-1]["findings"][0]["code"] == "number.invalid"
    refused("record.rejected", station.record, wrong)
    refused("request.conflict", station.record, cells[0] | {"age_years": "4"}, project="phones")
    refused("receipt.pending", station.receipt, "r1")
    system.sequence(quiet)
    assert all(step.ok for step in check(station.receipt("r1"), system.signer.key.vkey))

    # The bureau assigns, both sides commit, the owner reports, the sample is drawn and opened.
    people = {name: pilot.person(name) for name in ("vera", "rita")}
    risk = {"inherent": "low", "control": "low"}
    assigned = {"verifier": people["vera"], "reviewer": people["rita"], **risk}
    town.sign("assignment", "anne", project="phones", month=MONTH, **assigned)
    for name in ("vera", "anne"):
        town.client(name).commit("phones", MONTH, pilot.folder / f"{name}.nonce", pilot.key(name))
    system.sequence(quiet)
    town.sign("report", "otto", project="phones", month=MONTH)
    system.sequence(quiet)
    for name in ("vera", "anne"):
        town.client(name).reveal(REPORT, pilot.folder / f"{name}.nonce", pilot.key(name))
    vera = town.client("vera")
    for row in vera.work_list(REPORT):
        found = {"leaf": int(row["leaf"]), "row": int(row["row"]), "er_g": int(row["er_g"])}
        vera.sign([pilot.key("vera")], "inspection", report=REPORT, **found)
    evaluation = vera.get(f"/verification/evaluations/{REPORT}")
    assert evaluation["opinion"] == "positive"
    town.sign("statement", "vera", "rita", report=REPORT, written=WRITTEN)
    system.sequence(quiet)

    # Two issuers issue, never the verifier; a session that was not stepped up does not do.
    key = [pilot.key("anne")]
    refused(
        "access.step_up",
        town.client("anne", stepped_up=False).sign, key, "issuance", report=REPORT,
    )  # fmt: skip
    issued = town.sign("issuance", "anne", "bert", report=REPORT)["effect"]
    system.sequence(quiet)
    first_serial = serial(int(issued["serials"][0]["first"]))
    assert town.public.get(f"/credits/serials/{first_serial}")["reports"] == [REPORT]
    otto = town.client("otto")
    held = otto.get("/credits/holdings/zhuan")["items"]
    assert held[0]["free"] > 50
    refused("access.denied", otto.get, "/credits/holdings/green")

    # The owner sells fifty to a counterparty it has trusted for four working days.
    town.sign("counterparty", "otto", holder="zhuan", other="green")
    clock.at = at("2026-11-30T12:00:00")
    moved = {"holder": "zhuan", "other": "green", "asset": ASSET, "credits_": 50}
    told = town.sign("transfer", "otto", id_="t-1", **moved)
    assert told["state"] == "due"
    undone = town.client("otto").undo(told["digest"], pilot.key("otto"))
    assert undone["state"] == "undone"
    town.sign("transfer", "otto", id_="t-2", **moved)
    clock.move(minutes=10)
    system.registry.settle()

    # A wedding: twenty retired, the certificate for anyone, the name in no leaf of the log.
    couple = {"beneficiary": "A. and B.", "purpose": "event"}
    given = {"holder": "green", "asset": ASSET, "credits_": 20, **couple}
    town.sign("retirement", "gina", id_="wedding", **given)
    clock.move(minutes=10)
    system.registry.settle()
    refused("certificate.pending", town.public.file, "/credits/certificates/wedding")
    system.sequence(quiet)
    assert town.public.file("/credits/certificates/wedding")[:5] == b"%PDF-"
    assert b"wedding" in town.public.file("/credits/retired.csv")
    (totals,) = town.public.get("/credits/totals")["items"]
    assert totals["retired"] == 20
    leaves = [town.public.get(f"/log/leaves/{n}")["leaf"] for n in range(system.head_size())]
    assert not any("A. and B." in leaf for leaf in leaves)

    # All of it holds: in the database, and for whoever has only the public files.
    assert [d.say("en") for d in system.reconcile(quiet).differences] == []
    audited = audit(open_log(str(system.settings.log)), system.signer.key, quiet, jobs=1)
    assert [d.say("en") for d in audited.differences] == []
    town.client("otto").sign_out()
