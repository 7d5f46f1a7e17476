"""Faults of records that are told one by one."""

from __future__ import annotations

from carbon.domain.errors.fault import fault

FAULTS = (
    fault(
        "record.rejected",
        "记录 {record_id} 未通过校验，未存入：{count} 处问题。",
        "The record {record_id} did not pass and was not stored: {count} problems.",
        "findings 逐项写明列、原因与改法；改正后用同一编号重发。",
        "findings says column, reason and remedy of each; correct them and send it again "
        "under the same id.",
    ),
    fault(
        "record.unknown",
        "没有编号为 {record_id} 的记录。",
        "There is no record {record_id}.",
        "编号以提交时所用为准；只能查看本单位或本人的记录。",
        "Use the id it was submitted under; only records of one's own are shown.",
    ),
    fault(
        "record.busy",
        "等待存入的记录太多，{record_id} 未收下。",
        "Too many records wait to be stored; {record_id} was not taken.",
        "请稍后用同一编号重发。",
        "Send it again in a moment under the same id.",
    ),
)
