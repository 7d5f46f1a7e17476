"""Faults of the log, its notes and proofs."""

from __future__ import annotations

from carbon.domain.errors.fault import fault

FAULTS = (
    fault(
        "log.exists",
        "{path} 已有日志，不另建。",
        "There is a log already: {path}.",
        "一个数据库只有一个日志；要另建请换新的 CARBON_HOME。",
        "A database has one log; for another one use a new CARBON_HOME.",
    ),
    fault(
        "log.origin",
        "日志名称 {origin} 无效。",
        "{origin} is no name for a log.",
        "请用不含空格与加号的名称，例如域名 log.example.cn/hedong。",
        "Use a name without blanks or plus signs, such as log.example.cn/hedong.",
    ),
    fault(
        "log.missing",
        "日志缺少文件 {path}。",
        "The log lacks {path}.",
        "请检查路径；新系统先运行 carbon log init；否则从镜像恢复日志目录。",
        "Check the path; on a new system run carbon log init; else restore the folder from a mirror.",
    ),
    fault(
        "log.unreachable",
        "无法连接 {address}：{reason}。",
        "Cannot reach {address}: {reason}.",
        "请检查网址与网络。",
        "Check address and network.",
    ),
    fault(
        "log.busy",
        "另一个进程正在排序。",
        "Another process is sequencing.",
        "同一时刻只有一个；请稍候。",
        "There is only one at a time; wait a moment.",
    ),
    fault(
        "log.rollback",
        "已签名的日志有 {signed} 条，数据库只有 {stored} 条，或内容不同：拒绝签名。",
        "The signed log has {signed} leaves, the database has {stored}, or other ones: refusing to sign.",
        "数据库被恢复到了旧的时刻；请恢复较新的备份，切勿删除已签名的检查点。",
        "The database was set back in time; restore a newer backup, and never remove signed "
        "checkpoints.",
    ),
    fault(
        "log.changed",
        "日志文件 {path} 的内容被改动。",
        "The log's file {path} was changed.",
        "日志文件写成后不再变；请从镜像恢复，并查明原因。",
        "A file of the log never changes; restore it from a mirror and find out why.",
    ),
    fault(
        "log.inconsistent",
        "日志的文件与已签名的根（{size} 条）不符。",
        "The log's files do not have the root that was signed at size {size}.",
        "请运行 carbon audit 找出被改动的文件，从镜像恢复。",
        "Run carbon audit to find the altered file, and restore it from a mirror.",
    ),
    fault(
        "leaf.too_large",
        "日志条目为 {size} 字节，上限 {limit} 字节。",
        "A leaf of {size} bytes is over the limit of {limit}.",
        "请拆分内容，或改为批量提交，条目只存其摘要。",
        "Split it, or submit it in bulk, where the leaf holds a digest only.",
    ),
    fault(
        "tile.malformed",
        "日志文件 {path} 的内容与其位置不符（{reason}）。",
        "The log file {path} does not fit its place ({reason}).",
        "请重新下载；仍不符则日志已损坏，请告知运营方。",
        "Fetch it again; if it stays so the log is damaged: tell its operator.",
    ),
    fault(
        "note.malformed",
        "签名文本格式有误（{reason}）。",
        "The signed note is malformed ({reason}).",
        "请使用未经编辑的原文件。",
        "Use the original file, byte for byte.",
    ),
    fault(
        "note.key",
        "公钥 {key} 格式有误。",
        "{key} is not a key that can check notes.",
        "请从公布处完整复制：名称+编号+base64。",
        "Copy it whole from where it is published: name+id+base64.",
    ),
    fault(
        "note.signature",
        "{name} 的签名无效。",
        "The signature by {name} is wrong.",
        "内容或签名被改动，请勿信任。",
        "Text or signature was changed: do not trust it.",
    ),
    fault(
        "note.unsigned",
        "没有所信任密钥的签名。",
        "No trusted key has signed it.",
        "请核对公钥是否属于这一日志；否则请勿信任。",
        "Check that the key is this log's; otherwise do not trust it.",
    ),
    fault(
        "checkpoint.malformed",
        "检查点格式有误（{reason}）。",
        "The checkpoint is malformed ({reason}).",
        "检查点只有三行：日志名称、条目数、根哈希。",
        "It has three lines: origin, number of leaves, root hash.",
    ),
    fault(
        "checkpoint.origin",
        "检查点属于日志 {origin}，而非 {expected}。",
        "The checkpoint is of the log {origin}, not of {expected}.",
        "请使用所信任日志的检查点。",
        "Use a checkpoint of the log you trust.",
    ),
    fault(
        "proof.malformed",
        "日志证明格式有误（{reason}）。",
        "The log proof is malformed ({reason}).",
        "请使用未经编辑的原文件。",
        "Use the original file, byte for byte.",
    ),
    fault(
        "proof.wrong",
        "证明不成立：内容不是日志的第 {index} 条（从 0 计）。",
        "The proof fails: this is not leaf {index} of the log (counted from 0).",
        "内容或证明被改动，请勿信任。",
        "Leaf or proof was changed: do not trust it.",
    ),
)
