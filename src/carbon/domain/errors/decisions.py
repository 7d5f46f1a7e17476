"""Faults of decisions as a log publishes them, and of the registry's invariants."""

from __future__ import annotations

from carbon.domain.errors.fault import fault

FAULTS = (
    fault(
        "registry.broken",
        "登记簿不变式 {id} 不成立（{rule}）：{count} 处，如 {example}。",
        "Invariant {id} of the registry is broken ({rule}): {count} times, such as {example}.",
        "请停止写入，保存数据库副本，查明是谁绕过了程序。",
        "Stop writing, keep a copy of the database, and find out who went around the program.",
    ),
    fault(
        "serial.next",
        "区段 {serials} 不紧接此前签发的最后一号 {last}。",
        "The range {serials} does not follow the last serial issued, {last}.",
        "序列号依次签发，不重不漏；请查明这次签发。",
        "Serials are issued one after another, none twice and none left out; look into this "
        "issuance.",
    ),
    fault(
        "serial.not_held",
        "区段 {serials} 当时不全在账户 {account} 中。",
        "Not all of the range {serials} was in the account {account} then.",
        "只能转出自己持有的；已注销、已取消的不再变动。请查明这一决定。",
        "One gives only what one holds, and what is retired or cancelled never moves; look into "
        "this decision.",
    ),
    fault(
        "audit.repeated",
        "{kind} {id} 出现不止一次。",
        "{kind} {id} stands more than once.",
        "一种决定的一个编号只用一次；请向运营方查明。",
        "An id of a kind of decision is used once; ask the operator.",
    ),
    fault(
        "audit.signatures",
        "{kind} 有 {found} 个签名，应为 {needed} 个。",
        "{kind} has {found} signatures, {needed} are needed.",
        "签名不足的决定不生效；请向运营方查明。",
        "A decision that lacks signatures has no effect; ask the operator.",
    ),
    fault(
        "audit.corrected",
        "记录 {id} 已计入签发报告 {report}，却没有重述就被更正。",
        "The record {id} counts in the issued report {report}, yet was corrected without a "
        "restatement.",
        "已签发的记录只能经重述更正，由缓冲池或业主补足。",
        "A record that credits were issued on is corrected by a restatement, which makes good.",
    ),
    fault(
        "audit.draw_unlisted",
        "未能重复 {report} 的抽样：网址不能列目录，附近没有找到包含该报告的检查点。",
        "The draw of {report} was not repeated: a web address cannot be listed, and no checkpoint "
        "that includes the report was found nearby.",
        "请下载整个目录后再审计。",
        "Download the folder and audit that.",
    ),
)
