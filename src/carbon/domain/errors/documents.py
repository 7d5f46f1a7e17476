"""Faults of documents and of the exports for other registries."""

from __future__ import annotations

from carbon.domain.errors.fault import fault

FAULTS = (
    fault(
        "export.too_large",
        "本人数据超过 {limit} 条记录，不能一次导出。",
        "There are more than {limit} records, too many to take along at once.",
        "请向运营方申请分批导出。",
        "Ask the operator for an export in parts.",
    ),
    fault(
        "document.version",
        "监测报告的版本是 {value}，本程序只认 {known}。",
        "The monitoring report is of version {value}; this program knows {known}.",
        "请用与该报告同期的程序。",
        "Use the program of the report's time.",
    ),
    fault(
        "document.member",
        "文件内容缺少或写错了 {member}。",
        "The document's content lacks {member}, or has it wrong.",
        "请补全后重新生成。",
        "Complete it, then make the document again.",
    ),
    fault(
        "document.rows",
        "{member} 有 {count} 项，一份文件最多 {limit} 项。",
        "{member} has {count} entries; a document holds {limit} at most.",
        "请分成几份。",
        "Make several documents.",
    ),
    fault(
        "export.picklist",
        "{field} 的值“{value}”不在 CAD Trust 的选项表中。",
        "The value {value} of {field} is not in the CAD Trust picklist.",
        "请改为选项表中的值。",
        "Use a value of the picklist.",
    ),
)
