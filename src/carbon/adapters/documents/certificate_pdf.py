"""The certificate of a retirement (注销证书): what was retired, for whom, and how to check it.

It says what an avoided emission may not be used for (METHODOLOGY section 2), and bears no seal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from carbon.adapters.documents.form import limit_rows, moment, require
from carbon.adapters.documents.project import is_pilot, project_rows
from carbon.adapters.documents.qr import qr_svg
from carbon.adapters.documents.typesetting import Attachment, Sheet
from carbon.adapters.documents.words import PURPOSES, named, words
from carbon.domain.credit.issuance import Block, serial, serial_number
from carbon.domain.errors import CarbonError, Lang

_NEEDED: Final = (
    "number retired_at quantity beneficiary purpose holder project vintage methodology serials "
    "status leaf checkpoint verify proof"
).split()


def certificate_pdf(certificate: Mapping[str, Any], lang: Lang) -> bytes:
    """The PDF of a retirement's certificate, in one language.

    ``quantity``: credits of 1 kg CO2e; ``serials``: blocks with their ``first`` and ``last``, which
    hold that many; ``verify``: the address of the public look-up; ``proof``: a C2SP tlog-proof;
    ``salt``: of the beneficiary's digest in the leaf, where it was not erased.
    Raises ``document.*`` and ``serial.*``.
    """
    return certificate_sheet(certificate, lang).pdf()


def certificate_sheet(certificate: Mapping[str, Any], lang: Lang) -> Sheet:
    """The same, ready to be set."""
    require(certificate, _NEEDED)
    limit_rows(serials=certificate["serials"])
    proof = Attachment(
        f"{_file_name(certificate['number'])}.tlog-proof",
        certificate["proof"],
        "text/plain",
        words(lang)["proof"],
    )
    return Sheet(
        "certificate",
        lang,
        moment("retired_at", certificate["retired_at"]),
        _content(certificate, lang, proof.name),
        {"proof": certificate["proof"].rstrip("\n")},
        (proof,),
    )


def _content(certificate: Mapping[str, Any], lang: Lang, proof_name: str) -> dict[str, Any]:
    w = words(lang)
    leaf, checkpoint = certificate["leaf"], certificate["checkpoint"]
    blocks = _blocks(certificate)
    return {
        "title": w["certificate_title"],
        "id": certificate["number"],
        "pilot": is_pilot(certificate["status"]),
        "quantity": f"{certificate['quantity']:,} kg CO2e",
        "credits": w["credits"].format(n=f"{certificate['quantity']:,}"),
        "beneficiary": certificate["beneficiary"],
        "rows": [
            [w["number"], certificate["number"]],
            [w["retired_at"], certificate["retired_at"].replace("T", " ")],
            [w["purpose"], named(PURPOSES, certificate["purpose"], lang)],
            [w["holder"], certificate["holder"]],
            [w["vintage"], str(certificate["vintage"])],
            [w["serials"], _serials_in_one_line(blocks)],
        ],
        "project": project_rows(
            {"methodology": certificate["methodology"], **certificate["project"]}, lang
        ),
        "qr": qr_svg(f"{certificate['verify']}#{leaf['hash']}"),
        "verify": certificate["verify"],
        "log": [
            [w["leaf"], f"{leaf['index']}"],
            [w["leaf_hash"], leaf["hash"]],
            [w["checkpoint"], checkpoint["origin"]],
            [w["tree_size"], f"{checkpoint['size']}"],
            [w["root"], checkpoint["root"]],
            # SHA-256(salt ‖ beneficiary) is what the leaf tells of who it is.
            *([[w["salt"], certificate["salt"]]] if certificate.get("salt") else []),
        ],
        "serials": [[serial(b.first), serial(b.last), f"{len(b):,}"] for b in blocks],
        "steps": [w[f"check_{n}"].format(name=proof_name) for n in range(1, 5)],
    }


def _blocks(certificate: Mapping[str, Any]) -> list[Block]:
    """The retired blocks; together they are the quantity."""
    blocks = [
        Block(serial_number(b["first"]), serial_number(b["last"])) for b in certificate["serials"]
    ]
    if sum(len(block) for block in blocks) != certificate["quantity"]:
        raise CarbonError("document.member", member="serials")
    return blocks


def _serials_in_one_line(blocks: list[Block]) -> str:
    """The first block, and how many more the annex lists."""
    more = len(blocks) - 1
    return f"{blocks[0]} (+{more})" if more else str(blocks[0])


def _file_name(number: str) -> str:
    """A certificate's number as the name of a file."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", number)
