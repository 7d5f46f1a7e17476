"""The life of a tonne from the shell: every step a `carbon` command, printed with its figures.

    python tools/demo_tonne.py demo/home demo/simulated-month.parquet demo/public

A demonstration: one machine plays everybody, so both signatures of a decision are given in one
command, the clock is set forward (CARBON_NOW), and the verifier finds every item as reported.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

CARBON = Path(sys.executable).with_name("carbon")
ZH = not os.environ.get("CARBON_LANG", "zh").startswith("en")
MONTH, PROJECT = "2026-10", "hedong"
REPORT = f"{PROJECT}/{MONTH}/0"
ASSET = "credit/HD-REUSE v1/2026/pilot"
#: When things happen: the month is closed; four working days after a counterparty was named.
CLOSED, LATER, SETTLED, AFTER = (
    "2026-11-10T10:00:00",
    "2026-11-17T10:00:00",
    "2026-11-17T10:11:00",
    "2026-11-17T10:30:00",
)
PEOPLE = {
    "issuer-1": ("issuer", "bureau"),
    "issuer-2": ("issuer", "bureau"),
    "verifier": ("verifier", "verity"),
    "reviewer": ("reviewer", "verity"),
    "owner": ("owner", "hedong-reuse"),
    "company": ("owner", "green"),
}
#: Newcomers' common-practice rates; for the demonstration only, until they are surveyed.
CATEGORIES = (
    "phones_digital", "appliances", "luxury_bags", "watches", "clothing", "books", "instruments",
    "toys", "office_equipment", "furniture", "bicycles_other",
)  # fmt: skip
DESIGN = {
    "title": {"zh": "河东再使用计划（演示）", "en": "Hedong re-use programme (demonstration)"},
    "kind": "programme",
    "owner": "hedong-reuse",
    "owner_name": {"zh": "示例运营方", "en": "Example operator"},
    "methodology": "HD-REUSE v1",
    "start": "2026-10-01",
    "crediting": {"from": "2026-10-01", "to": "2029-09-30"},
    "shares": [{"party": "programme", "bp": 10_000}],
    "declarations": ["outside_ets", "no_other_platform", "no_maker_claim"],
    "baselines": [
        {"category": name, "measure": "piece", "rate_bp": 3_000, "source": "demonstration"}
        for name in CATEGORIES
    ],
    "authority": {"zh": "河东区生态环境局", "en": "Hedong ecology bureau"},
}
WRITTEN = {
    "responsible_party": "Example operator",
    "criteria": "HD-REUSE v1, ISO 14064-3",
    "boundary": "second-hand goods handed over in Hedong",
    "objective": "reasonable assurance on the month's reduction",
    "assurance": "reasonable",
    "independence": "no interest in the programme",
}


class Demo:
    """Runs commands in one home and tells each step."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.people = home / "people"
        self.step_number = 0
        self.environment = {**os.environ, "CARBON_HOME": str(home), "CARBON_DEMONSTRATION": "1"}
        self.set_clock(CLOSED)

    def set_clock(self, moment: str) -> None:
        """Set the clock of the commands that follow."""
        self.environment["CARBON_NOW"] = moment

    def step(self, zh: str, en: str) -> None:
        """Head the next step."""
        self.step_number += 1
        print(f"\n{self.step_number}. {zh if ZH else en}", flush=True)

    def run(self, *words: object, quiet: bool = False) -> str:
        """Run a command; end with what it said if it fails."""
        command = [str(CARBON), *map(str, words)]
        done = subprocess.run(
            command, env=self.environment, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stdout}")
        if not quiet:
            print("   " + done.stdout.strip().replace("\n", "\n   "), flush=True)
        return done.stdout

    def key(self, name: str) -> Path:
        """Somebody's key file."""
        return self.people / f"{name}.key"

    def signed_by(self, *names: str) -> list[object]:
        """Options that sign as some people."""
        return [word for name in names for word in ("--as", self.key(name))]

    def file(self, name: str, content: object) -> Path:
        """Write a file for a command to read."""
        path = self.people / name
        path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
        return path

    def sequence(self) -> None:
        """Publish what waits."""
        self.run("log", "sequence", quiet=True)


def main() -> None:
    """The ten steps, as far as they exist."""
    home, month, public = map(Path, sys.argv[1:])
    demo = Demo(home)
    demo.people.mkdir(parents=True)
    _people(demo)
    _records(demo, month)
    _verification(demo)
    _credits(demo, public)


def _people(demo: Demo) -> None:
    demo.step("登记人员与项目", "People and the project are registered")
    cards = []
    for name, (role, organisation) in PEOPLE.items():
        options = ("--identity", f"example {name}", "--role", role, "--organisation", organisation)
        card = demo.run("person", "new", demo.key(name), *options, quiet=True)
        cards.append(demo.file(f"{name}.card", json.loads(card)))
    demo.run("person", "register", *cards, *demo.signed_by("issuer-1", "issuer-2"))
    demo.run(
        "project", "register", PROJECT, demo.file("design.json", DESIGN), *demo.signed_by("owner")
    )


def _records(demo: Demo, month: Path) -> None:
    demo.step("记录入库、核算、进入日志", "Records are stored with their grams, and published")
    rejected = demo.home / "rejected.csv"
    options = ("--accept-valid", "--annotated", rejected, "--project", PROJECT)
    demo.run("ingest", month, *options)
    verifier, reviewer = (
        json.loads((demo.people / f"{name}.card").read_text("utf-8"))["person"]
        for name in ("verifier", "reviewer")
    )
    demo.step("指派核查员，双方承诺随机数", "A verifier is assigned; both sides commit to a nonce")
    people = ("--verifier", verifier, "--reviewer", reviewer)
    demo.run("verify", "assign", PROJECT, MONTH, *people, *demo.signed_by("issuer-1"))
    for name in ("verifier", "issuer-1"):
        nonce = ("--nonce", demo.people / f"{name}.nonce")
        demo.run("verify", "commit", PROJECT, MONTH, *nonce, *demo.signed_by(name))
    demo.sequence()


def _verification(demo: Demo) -> None:
    demo.step("监测报告", "The monitoring report")
    demo.run("report", "make", PROJECT, MONTH, *demo.signed_by("owner"))
    demo.sequence()
    demo.step("揭示随机数并抽样", "Nonces are revealed, the sample is drawn")
    for name in ("verifier", "issuer-1"):
        nonce = ("--nonce", demo.people / f"{name}.nonce")
        demo.run("verify", "reveal", REPORT, *nonce, *demo.signed_by(name))
    demo.step("核查员逐项检查", "The verifier inspects every item")
    sheet = demo.people / "sample.csv"
    demo.run("verify", "sample", REPORT, "--out", sheet, *demo.signed_by("verifier"))
    _fill_in(sheet)
    demo.run("verify", "inspect", REPORT, sheet, *demo.signed_by("verifier"))
    demo.run("verify", "evaluate", REPORT)
    demo.step("核查声明（核查员、复核员）", "The statement, by verifier and reviewer")
    written = demo.file("statement.json", WRITTEN)
    demo.run("verify", "state", REPORT, written, *demo.signed_by("verifier", "reviewer"))
    demo.sequence()


def _fill_in(sheet: Path) -> None:
    """Every item is found as reported."""
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with sheet.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows({**row, "audited_g": row["er_g"], "intent": "no"} for row in rows)


def _credits(demo: Demo, public: Path) -> None:
    demo.step("登记减排量（两位签发人）", "Credits are issued, by two people who did not verify")
    demo.run("credit", "issue", REPORT, *demo.signed_by("issuer-1", "issuer-2"))
    demo.sequence()
    demo.step(
        "划转一吨（新对手方等四个工作日，十分钟内可撤回）",
        "A tonne is transferred, four working days after its receiver was named",
    )
    demo.run("credit", "trust", "hedong-reuse", "green", *demo.signed_by("owner"))
    demo.set_clock(LATER)
    asset = ("--asset", ASSET)
    demo.run("credit", "transfer", "hedong-reuse", "green", 1_000, *asset, "--id", "demo-transfer",
             *demo.signed_by("owner"))  # fmt: skip
    demo.set_clock(SETTLED)
    demo.run("settle")
    demo.step("注销这一吨，出具证书", "That tonne is retired, a certificate is made")
    demo.run("credit", "retire", "green", 1_000, *asset, "--id", "demo-retirement",
             "--beneficiary", "示例企业 Example company", "--purpose", "organisation",
             *demo.signed_by("company"))  # fmt: skip
    demo.set_clock(AFTER)
    demo.run("settle")
    demo.sequence()
    demo.run("credit", "certificate", "demo-retirement", "--out", public / "certificate.pdf")


if __name__ == "__main__":
    main()
