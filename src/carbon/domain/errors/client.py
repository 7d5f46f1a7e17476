"""Faults a client of the service meets on its own side."""

from __future__ import annotations

from carbon.domain.errors.fault import fault

FAULTS = (
    fault(
        "client.unreachable",
        "无法连接服务：{reason}。",
        "The service cannot be reached: {reason}.",
        "请检查地址与网络；同一编号可放心重试。",
        "Check address and network; trying again under the same id is safe.",
    ),
    fault(
        "client.answer",
        "服务对 {path} 的答复无法理解（状态 {status}）。",
        "The answer to {path} is none this client understands (status {status}).",
        "请核对地址是否为本服务，并升级客户端。",
        "Check that the address is this service's, and update the client.",
    ),
    fault(
        "client.differs",
        "服务拟签的 {kind} 中 {name} 与所填不同，未签名。",
        "The service would have {kind} say another {name} than you did; nothing was signed.",
        "请勿签名，并向运营方核实服务是否被篡改。",
        "Do not sign, and ask the operator whether the service was tampered with.",
    ),
)
