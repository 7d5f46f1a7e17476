"""Faults of whoever asks the service, and of what is asked."""

from __future__ import annotations

from carbon.domain.errors.fault import fault

FAULTS = (
    fault(
        "access.anonymous",
        "此操作需要登录。",
        "This needs an account.",
        "请登录后重试，或使用接口密钥签名请求。",
        "Sign in and try again, or sign the request with an API key.",
    ),
    fault(
        "access.denied",
        "角色 {role} 无权进行此操作（{permission}），或对象属于他人。",
        "The role {role} may not do this ({permission}), or the object is another one's.",
        "请用有权限的账户，或请运营方核实角色。",
        "Use an account that may, or ask the operator to check the role.",
    ),
    fault(
        "access.step_up",
        "此操作需要再次验证身份。",
        "This needs you to prove yourself once more.",
        "请重新输入动态口令后重试。",
        "Enter your one-time password again and retry.",
    ),
    fault(
        "request.invalid",
        "请求内容无效：{where}：{reason}。",
        "The request is invalid: {where}: {reason}.",
        "请按接口文档修改后重试。",
        "Change it as the API documentation says, and try again.",
    ),
    fault(
        "request.unknown_path",
        "没有此地址。",
        "There is no such address.",
        "请核对地址；接口文档在 /api/docs。",
        "Check the address; the API is documented at /api/docs.",
    ),
    fault(
        "request.method",
        "此地址不支持该方法。",
        "This address does not take that method.",
        "请用响应头 Allow 所列的方法。",
        "Use a method listed in the Allow header.",
    ),
    fault(
        "request.too_large",
        "请求超过此操作的大小上限。",
        "The request is larger than this operation takes.",
        "请分批提交，大文件请用上传。",
        "Send less at once; large files go through uploads.",
    ),
    fault(
        "request.too_many",
        "请求过于频繁。",
        "Too many requests.",
        "请按响应头 Retry-After 等待后重试，同一编号不会重复生效。",
        "Wait as the Retry-After header says and try again: the same id has one effect.",
    ),
    fault(
        "service.one_process",
        "SQLite 数据库只能由一个进程服务。",
        "A database of SQLite is served by one process.",
        "请去掉 --processes，或改用 PostgreSQL（CARBON_DATABASE_URL）。",
        "Leave --processes out, or use PostgreSQL (CARBON_DATABASE_URL).",
    ),
    fault(
        "service.failed",
        "服务内部错误，编号 {request}。",
        "The service failed; reference {request}.",
        "请稍后以同一编号重试；若仍失败，请把编号告诉运营方。",
        "Try again later under the same id; if it fails again, tell the operator the reference.",
    ),
)
