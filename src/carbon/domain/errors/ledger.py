"""Faults of the ledger."""

from __future__ import annotations

from carbon.domain.errors.fault import fault

FAULTS = (
    fault(
        "ledger.broken",
        "账本不变式 {id} 不成立（{rule}）：{count} 处，如 {example}。",
        "Invariant {id} of the ledger is broken ({rule}): {count} times, such as {example}.",
        "请停止写入，保存数据库副本，查明是谁绕过了程序。",
        "Stop writing, keep a copy of the database, and find out who went around the program.",
    ),
    fault(
        "ledger.replay",
        "{asset} 的账户 {account}：只凭日志重放与数据库余额不同（I12）。",
        "The account {account} of {asset}: the log replayed comes to another balance than the "
        "database has (I12).",
        "日志为准；请查明谁改动了数据库。",
        "The log is right: find out who changed the database.",
    ),
    fault(
        "ledger.form",
        "账务内容无效：{what} = {value}。",
        "Part of the entry is invalid: {what} = {value}.",
        "代码为不超过 100 个字母、数字与 ._/:@+-（可用单个空格隔开），金额为正整数，收付账户不同，"
        "每笔分录 1 至 1,000 行。",
        "Codes are up to 100 letters, digits and ._/:@+- (single spaces between them), amounts "
        "positive integers, the two accounts differ, a journal has 1 to 1,000 lines.",
    ),
    fault(
        "ledger.unknown",
        "账本中没有 {what}。",
        "The ledger knows no {what}.",
        "请核对代码；账户须先开立，冻结须先存入。",
        "Check the codes; accounts are opened and holds are placed before they are used.",
    ),
    fault(
        "ledger.policy",
        "账户 {account} 已按“{policy}”开立。",
        "The account {account} was opened as {policy}.",
        "账户性质不可更改；请换一个账户代码。",
        "The policy of an account never changes; use another code.",
    ),
    fault(
        "ledger.insufficient",
        "余额不足：{key} 的付出方 {accounts} 可用额不够（冻结额已扣除；只进不出的账户不可付出）。",
        "Insufficient balance: {accounts} cannot give what {key} asks for, holds counted; accounts "
        "that only receive give nothing.",
        "请减少数量，或待到账、解冻后以新编号重试。",
        "Ask for less, or try again under a new id once more has come in or a hold has ended.",
    ),
    fault(
        "ledger.overflow",
        "{key}：累计数额超出 64 位整数。",
        "{key}: a total would exceed 64 bits.",
        "请核对数量单位。",
        "Check the unit of the amount.",
    ),
    fault(
        "ledger.reversal",
        "{key} 不能冲销 {reverses}：已冲销过，或不是其逐行反向，或它本身就是冲销。",
        "{key} cannot reverse {reverses}: that was reversed before, is itself a reversal, or is "
        "not mirrored line by line.",
        "请按原分录逐行反向冲销，且只冲销一次。",
        "Mirror every line of the journal, once.",
    ),
    fault(
        "ledger.busy",
        "{key} 未受理：等待入账的分录过多，或正在停机。",
        "{key} was not taken: too many journals wait, or the service is stopping.",
        "请稍后以同一编号重试：已入账的不会重复。",
        "Try again later with the same id: what is posted is not posted twice.",
    ),
    fault(
        "ledger.ended",
        "冻结 {key} 已结束，或不在其有效期内。",
        "The hold {key} has ended, or this is not the time for it.",
        "冻结只能在到期前使用、到期后失效，且只结束一次。",
        "A hold is used before it expires, expires after, and ends once.",
    ),
)
