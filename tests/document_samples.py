"""Documents' values as the system publishes them, for tests and for looking."""

from __future__ import annotations

from typing import Any

PROJECT: dict[str, Any] = {
    "id": "p1",
    "title": {"zh": "河东区循环商店试点项目", "en": "Hedong circular shops, pilot project"},
    "owner": {"zh": "天津河东循环商店有限公司", "en": "Tianjin Hedong Circular Shops Ltd"},
    "kind": "enterprise",
    "methodology": "HD-REUSE v1",
    "status": "pilot",
    "start": "2026-01-01",
    "crediting": {"from": "2026-01-01", "to": "2028-12-30"},
    "authority": {"zh": "天津市生态环境局", "en": "Tianjin Ecology and Environment Bureau"},
    "filing_number": "",
}
CHECKPOINT = {"origin": "demo.example.cn/hedong", "size": 128, "root": "7c" * 32}


def _cell(category: str, zh: str, en: str, evidence: str, **figures: Any) -> dict[str, Any]:
    return {"category": category, "zh": zh, "en": en, "evidence": evidence, **figures}


CELLS = [
    _cell("phones_digital", "手机数码", "Phones and digital devices", "staff_photo", records=61, volume="61", measure="piece", positive_g="640210", negative_g="-1830", share_ppm=900_000, tradable_ppm=836_065, credited_g="479893"),
    _cell("phones_digital", "手机数码", "Phones and digital devices", "self_report", records=8, volume="8", measure="piece", positive_g="77440", negative_g="0", share_ppm=500_000, tradable_ppm=836_065, credited_g="32372"),
    _cell("clothing", "服饰", "Clothing", "certified_scale", records=40, volume="312", measure="kg", positive_g="1170624", negative_g="-20411", share_ppm=1_000_000, tradable_ppm=900_000, credited_g="1033150"),
    _cell("furniture", "家居家具", "Furniture and home", "staff_photo", records=14, volume="14", measure="piece", positive_g="172032", negative_g="-96000", share_ppm=900_000, tradable_ppm=400_000, credited_g="-34069"),
]  # fmt: skip
REPORT: dict[str, Any] = {
    "version": 1,
    "id": "p1/2026-10/0-12",
    "project": PROJECT,
    "period": "2026-10",
    "leaves": {"from": 0, "to": 12},
    "checkpoint": CHECKPOINT,
    "methodology": "HD-REUSE v1",
    "formulas": ["ab" * 32],
    "catalogues": ["cd" * 32],
    "records": 123,
    "totals": {
        "be_g": "2511204",
        "pe_g": "401960",
        "u_g": "103200",
        "le_g": "63979",
        "er_g": "1942065",
    },
    "left_out": {"corrected": 1, "returned": 1, "demonstration": 0, "display": 2},
    "cells": CELLS,
    "baselines": [
        {
            "category": "phones_digital",
            "measure": "piece",
            "monthly": "10",
            "volume": "69",
            "tradable_ppm": 836_065,
        },
        {
            "category": "clothing",
            "measure": "kg",
            "rate_bp": 1000,
            "volume": "312",
            "tradable_ppm": 900_000,
        },
    ],
    "pending_g": "92041",
    "below_baseline_g": "348720",
    "deficit_in_g": "-12000",
    "reported_g": "1499346",
    "deficit_out_g": "0",
    "uncertainty": {
        "seed": 20260101,
        "draws": 10_000,
        "percentile": 33,
        "percentiles_g": {"p5": "1411020", "p33": "1813890", "p50": "1938002", "p95": "2510400"},
        "ratio_ppm": 934_000,
    },
    "issuable_g": "1400389",
    "factor_rows": [
        "displacement/phones_digital/sale/2026-01-01",
        "grid/north/2026-01-01",
        "life/phone/2026-01-01",
        "packing/parcel/2026-01-01",
        "production/phone/2026-01-01",
        "production/t_shirt/2026-01-01",
        "transport/home_delivery/2026-01-01",
    ],
}
_HASHES = "\n".join("lWGaXBRbJTg4bEFpLkR2bHVmZ0xvY2tzUm9vdEhhc2g=" for _ in range(6))
PROOF = f"""c2sp.org/tlog-proof@v1
index 97
{_HASHES}

demo.example.cn/hedong
128
{"fHx8" * 10}fHw=

— demo.example.cn/hedong 3f9d2a1bAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==
"""
CERTIFICATE: dict[str, Any] = {
    "number": "HD-2026-000017",
    "retired_at": "2026-11-25T10:00:00+08:00",
    "quantity": 20,
    "beneficiary": "天津市河东区第一小学",
    "purpose": "event",
    "holder": "天津河东循环商店有限公司",
    "project": PROJECT,
    "vintage": 2026,
    "methodology": "HD-REUSE v1",
    "serials": [{"first": "HD-000000000001", "last": "HD-000000000020"}],
    "status": "pilot",
    "leaf": {"index": 97, "hash": "5e" * 32},
    "checkpoint": CHECKPOINT,
    "verify": "https://demo.example.cn/hedong/retirements/HD-2026-000017",
    "proof": PROOF,
}
STATEMENT: dict[str, Any] = {
    "fields": {
        "report": "p1/2026-10/0-12",
        "responsible_party": "天津河东循环商店有限公司",
        "criteria": "HD-REUSE v1；ISO 14064-3",
        "boundary": "河东区内 12 个站点与商店的再使用交付",
        "period": "2026-10",
        "objective": "确认申报减排量不存在实质性错报",
        "assurance": "合理保证（95 %）",
        "materiality": "5 %",
        "method": "货币单位抽样",
        "seed": "9f" * 32,
        "claimed_g": "1499346",
        "verified_g": "1471200",
        "opinion": "在实质性水平 5 % 下，申报减排量在核定数内公允反映。",
        "team": "a1b2c3d4（核查）；e5f60718（复核）",
        "independence": "核查组与责任方近三年无利益关系；本期为第一期。",
        "date": "2026-11-20",
    },
    "sample": {
        "population": 123,
        "size": 60,
        "opened": 60,
        "interval_g": "24989",
        "misstatement_g": "28146",
        "upper_g": "61220",
        "confidence": "95 %",
    },
    "findings": [
        {"class": "CAR", "text": "两条记录的重量与照片不符，已更正。", "state": "closed"},
        {"class": "FAR", "text": "下期提供电子秤的检定证书。", "state": "open"},
    ],
    "signatures": [
        {"name": "核查员甲", "role": "verifier", "key": "3f9d2a1b" * 8},
        {"name": "复核员乙", "role": "reviewer", "key": "77aa0c19" * 8},
    ],
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}
