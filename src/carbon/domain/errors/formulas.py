"""Faults of published formulas."""

from __future__ import annotations

from carbon.domain.errors.fault import fault

FAULTS = (
    fault(
        "formula.invalid",
        "公开的公式不能计算：{value}。",
        "The published formula cannot be evaluated: {value}.",
        "请核对公式与该行的输入（docs/receipts.md 第 4 节）。",
        "Check the formula and the row's inputs (docs/receipts.en.md, section 4).",
    ),
)
