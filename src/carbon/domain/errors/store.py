"""Faults of the store, its keys and requests to it."""

from __future__ import annotations

from carbon.domain.errors.fault import fault

FAULTS = (
    fault(
        "store.url",
        "数据库地址无效：{reason}。",
        "The database URL is invalid: {reason}.",
        "请将 CARBON_DATABASE_URL 设为 sqlite:///路径 或 postgresql://用户@主机/库。",
        "Set CARBON_DATABASE_URL to sqlite:///path or postgresql://user@host/name.",
    ),
    fault(
        "store.unavailable",
        "数据库不可用：{reason}。",
        "The database is not available: {reason}.",
        "请检查数据库服务、权限与磁盘空间后重试。",
        "Check the server, permissions and disk space, then try again.",
    ),
    fault(
        "store.outdated",
        "数据库结构为 {at}，本程序需要 {head}。",
        "The database is at revision {at}, this program needs {head}.",
        "请由数据库所有者运行 carbon db upgrade。",
        "Let the owner of the database run carbon db upgrade.",
    ),
    fault(
        "store.role",
        "数据库中没有角色 {role}。",
        "The database has no role {role}.",
        "请由管理员执行 CREATE ROLE {role} LOGIN，再运行 carbon db upgrade。",
        "Let an administrator run CREATE ROLE {role} LOGIN, then carbon db upgrade again.",
    ),
    fault(
        "store.unguarded",
        "这些事实表缺少防改触发器：{tables}。",
        "These tables of facts lack the triggers that refuse changes: {tables}.",
        "请停止写入，查明是谁改动了数据库，再从备份恢复。",
        "Stop writing, find out who changed the database, and restore it from a backup.",
    ),
    fault(
        "store.owner",
        "应用账号拥有这些表，可以关闭其防护：{tables}。",
        "The application's role owns these tables and could switch their guards off: {tables}.",
        "请为应用另设账号（CARBON_DATABASE_URL），迁移用 CARBON_DATABASE_OWNER_URL。",
        "Give the application a role of its own (CARBON_DATABASE_URL); migrations use "
        "CARBON_DATABASE_OWNER_URL.",
    ),
    fault(
        "store.raced",
        "另一次提交抢先用了同样的编号（{reason}）。",
        "Another submission was faster with the same ids ({reason}).",
        "请用同一编号重试：已存的不会重复。",
        "Try again with the same id: what is stored is not stored twice.",
    ),
    fault(
        "store.tool",
        "缺少程序 {name}。",
        "The program {name} is missing.",
        "请安装 PostgreSQL 客户端。",
        "Install the PostgreSQL client programs.",
    ),
    fault(
        "store.not_empty",
        "{path} 已有数据，不在其上恢复。",
        "{path} holds data: nothing is restored over it.",
        "请恢复到新的空数据库。",
        "Restore into a new, empty database.",
    ),
    fault(
        "store.backup",
        "{path} 不是完好的备份：{reason}。",
        "{path} is no sound backup: {reason}.",
        "请换用另一份备份。",
        "Use another backup.",
    ),
    fault(
        "request.conflict",
        "编号 {id} 已用于另一次内容不同的提交。",
        "The id {id} already stands for another submission with other content.",
        "请换一个编号。",
        "Use another id.",
    ),
    fault(
        "key.missing",
        "找不到密钥文件 {path}。",
        "There is no key file at {path}.",
        "请从密钥备份恢复；全新系统请运行 carbon db upgrade 与 carbon log init。",
        "Restore it from the backup of keys; on a new system run carbon db upgrade and "
        "carbon log init.",
    ),
    fault(
        "key.invalid",
        "密钥文件 {path} 已损坏。",
        "The key file {path} is damaged.",
        "请从密钥备份恢复。",
        "Restore it from the backup of keys.",
    ),
    fault(
        "key.wrong",
        "密钥与数据不符：{what}。",
        "The key does not fit the data: {what}.",
        "请检查 CARBON_KEYS 是否指向本系统的密钥。",
        "Check that CARBON_KEYS names the keys of this system.",
    ),
    fault(
        "digest.unknown",
        "不支持的摘要算法 {name}。",
        "The digest algorithm {name} is not available.",
        "请将 CARBON_DIGEST 设为 sha256 或 sm3。",
        "Set CARBON_DIGEST to sha256 or sm3.",
    ),
    fault(
        "correction.unknown",
        "没有可更正的记录 {record_id}。",
        "There is no record {record_id} to correct.",
        "请核对来源与编号。",
        "Check source and id.",
    ),
    fault(
        "correction.done",
        "记录 {record_id} 已被更正过。",
        "The record {record_id} has been corrected before.",
        "请更正替换它的那条记录。",
        "Correct the record that replaced it.",
    ),
    fault(
        "correction.reason",
        "没有更正理由 {reason}。",
        "There is no reason {reason} for a correction.",
        "可用：{known}。",
        "Use one of {known}.",
    ),
    fault(
        "person.unknown",
        "没有这个人的数据。",
        "There are no data of this person.",
        "请核对标识；可能已被删除。",
        "Check the identity; it may have been erased already.",
    ),
    fault(
        "receipt.pending",
        "记录 {record_id} 尚未进入日志。",
        "The record {record_id} is not in the log yet.",
        "请运行 carbon log sequence 后再取小票。",
        "Run carbon log sequence, then ask again.",
    ),
    fault(
        "receipt.unknown",
        "没有记录 {record_id}。",
        "There is no record {record_id}.",
        "请核对来源与编号；被拒的记录没有小票。",
        "Check source and id; a rejected record has no receipt.",
    ),
)
