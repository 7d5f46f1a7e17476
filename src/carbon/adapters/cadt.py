"""Projects, issuances and units in the words of the Climate Action Data Trust, data model 2.0.2.

Field names and picklists are those of `docs/cadtrust-schema-v2.0.2.json` in Chia-Network/cadt
(generated 2026-06-30). Identifiers that CAD Trust gives itself (`cadTrust…Id`, `orgUid`) are left
out, unless they name a parent that has to exist there. The model counts tonnes: a credit of 1 kg is
0.001 in ``unitCount``, and is written although a node would otherwise infer it from the serials.
Twelve digits of kilograms over a thousand are exact as the shortest text of a binary64 number.
Corresponding adjustments have no field of a unit any more (they are Article 6 records): there is
none for these units, which leave no country's account.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from carbon.adapters.spreadsheet import harmless
from carbon.domain.credit.issuance import Block, serial, serial_number
from carbon.domain.errors import CarbonError

Record = dict[str, Any]

#: Values as published, of the fields written here.
PICKLISTS: Final[Mapping[str, frozenset[str]]] = {
    "projectSector": frozenset(
        {
            "Afforestation and reforestation",
            "Agriculture",
            "Any combination of the above",
            "Carbon capture and storage",
            "Chemical industries",
            "Construction",
            "Energy demand",
            "Energy distribution",
            "Energy industries (renewable-/ non renewable sources)",
            "Fugitive emissions from fuel (solid, oil and gas)",
            (
                "Fugitive emissions from the production and consumption of halocarbons and sulfur "
                "hexafluoride"
            ),
            "Livestock and manure management",
            "Manufacturing industries",
            "Metal production",
            "Mining/mineral production",
            "Others",
            "Solvent use",
            "Transport",
            "Urban Development",
            "Waste handling and disposal",
        }
    ),
    "projectType": frozenset(
        {
            "Afforestation",
            "Agriculture",
            "Agriculture, forestry and other land use (AFOLU)",
            "Any combination of the above",
            "Biogas",
            "Biomass Energy",
            "CO2 usage",
            "Cement",
            "Coal bed/mine methane",
            "Energy Efficiency Industry",
            "Energy Efficiency households",
            "Energy Efficiency own generation",
            "Energy Efficiency service",
            "Energy Efficiency supply side",
            "Energy distribution",
            "Fugitive",
            "Geothermal",
            "Hydro",
            "Landfill gas",
            "Methane avoidance",
            "N2O",
            "PFCs and SF6",
            "Reforestation",
            "Solar",
            "Tidal",
            "Transport",
            "Waste",
            "Wind",
        }
    ),
    "projectStatus": frozenset(
        "Certified Completed Inactive Listed Registered Rejected Validated Verified "
        "Withdrawn".split()
    ),
    "projectUnitMetric": frozenset({"gCO2eq/kWh", "kt (Kiloton)", "tCO2e"}),
    "unitMetric": frozenset({"gCO2eq/kWh", "kt (Kiloton)", "tCO2e"}),
    "unitStatus": frozenset(
        "Buffer Cancelled Expired Held Inactive Issued Rejected Retired".split()
    ),
    "unitType": frozenset(
        {
            "Avoidance - nature",
            "Avoidance - technical",
            "Not Determined",
            "Reduction - nature",
            "Reduction - technical",
            "Removal - nature",
            "Removal - technical",
        }
    ),
}

#: Re-use prevents waste, and the production it avoids is a technical avoidance (METHODOLOGY 2).
SECTOR: Final = "Waste handling and disposal"
TYPE: Final = "Waste"
UNIT_TYPE: Final = "Avoidance - technical"
METRIC: Final = "tCO2e"
_STATUS: Final = {
    "held": "Held",
    "escrow": "Held",
    "buffer": "Buffer",
    "retired": "Retired",
    "cancelled": "Cancelled",
}
#: What a status says where nobody gave a reason: the field is required.
_REASON: Final = {
    "held": "In a holder's account",
    "escrow": "Set aside for an order or a transfer",
    "buffer": "Set aside for returns and corrections",
    "retired": "Retired to back a claim",
    "cancelled": "Cancelled without a claim",
}
_PILOT: Final = "Pilot unit of a project that is not filed, demonstration only. "
_KG_PER_TONNE: Final = 1_000
#: Most records of one file.
MAX_RECORDS: Final = 100_000


def project_record(project: Mapping[str, Any], registry: str, link: str) -> Record:
    """A project of `/v2/project`. ``status_date``: the day its status began.

    ``registry``: this registry's name; ``link``: the project's public page. Raises
    ``export.picklist``.
    """
    return checked(
        {
            "projectRegistryName": registry,
            "projectId": project["id"],
            "projectName": project["title"]["en"],
            "projectLink": link,
            "projectSector": [SECTOR],
            "projectType": [TYPE],
            "projectStatus": "Registered" if project["status"] == "filed" else "Listed",
            "projectStatusDate": project["status_date"],
            "projectUnitMetric": METRIC,
        }
    )


def issuance_record(issuance: Mapping[str, Any]) -> Record:
    """An issuance of `/v2/issuance`: ``id``, ``date``, and the identifiers of its parents there.

    ``verification``, ``project_methodology``, ``location``: empty until CAD Trust has given them,
    and needed before the issuance can be submitted.
    """
    return checked(
        {
            "issuanceId": issuance["id"],
            "issuanceDate": issuance["date"],
            "cadTrustVerificationId": issuance.get("verification"),
            "cadTrustProjectMethodologyId": issuance.get("project_methodology"),
            "cadTrustLocationId": issuance.get("location"),
        }
    )


def unit_record(block: Mapping[str, Any]) -> Record:
    """A block of serials of one owner and status, of `/v2/unit`.

    ``first``, ``last``, ``owner``, ``status`` (held, escrow, buffer, retired, cancelled),
    ``status_date``, ``vintage``, ``pilot`` and ``link``; and where there are any ``reason``,
    ``beneficiary``, ``purpose`` and ``issuance``, its identifier there. Raises ``export.picklist``
    and ``serial.*``.
    """
    serials = Block(serial_number(block["first"]), serial_number(block["last"]))
    status = block["status"]
    reason = block.get("reason") or _REASON.get(status, "")
    return checked(
        {
            "unitSerialId": f"{serial(serials.first)}-{serial(serials.last)}",
            "unitStartBlock": serial(serials.first),
            "unitEndBlock": serial(serials.last),
            "unitCount": len(serials) / _KG_PER_TONNE,
            "unitType": UNIT_TYPE,
            "unitVintageYear": block["vintage"],
            "unitStatus": _STATUS.get(status, status),
            "unitStatusReason": f"{_PILOT if block['pilot'] else ''}{reason}",
            "unitStatusDate": block["status_date"],
            "unitRetirementDetail": block.get("purpose"),
            "unitRetirementBeneficiary": block.get("beneficiary"),
            "unitLink": block["link"],
            "unitMetric": METRIC,
            "unitCurrentOwner": block["owner"],
            "cadTrustIssuanceId": block.get("issuance"),
        }
    )


def checked(record: Record) -> Record:
    """The record, if its values are in the picklists. Raises ``export.picklist``."""
    for name in PICKLISTS.keys() & record.keys():
        values = record[name] if isinstance(record[name], list) else [record[name]]
        for value in values:
            if value not in PICKLISTS[name]:
                raise CarbonError("export.picklist", field=name, value=value)
    return record


def records_json(records: Sequence[Record]) -> bytes:
    """A JSON array, as the API takes its members one by one. Raises ``document.rows``."""
    _limit(records)
    text = json.dumps(records, ensure_ascii=False, indent=1)
    return f"{text}\n".encode()


def records_csv(records: Sequence[Record]) -> bytes:
    """CSV in UTF-8 with a byte order mark; nothing in it is computed. Raises ``document.rows``.

    Several values of a field are joined by semicolons.
    """
    _limit(records)
    out = io.StringIO(newline="")
    names = list(records[0]) if records else []
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows([harmless(_cell(record[name])) for name in names] for record in records)
    return out.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return "; ".join(value) if isinstance(value, list) else str(value)


def _limit(records: Sequence[Record]) -> None:
    if len(records) > MAX_RECORDS:
        raise CarbonError("document.rows", member="records", count=len(records), limit=MAX_RECORDS)
