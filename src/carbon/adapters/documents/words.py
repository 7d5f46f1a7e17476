"""What documents say besides their values: every label in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from carbon.domain.activity.record import CODES
from carbon.domain.errors import Lang

#: METHODOLOGY section 2, status of a unit: the Chinese is binding, the English its rendering.
CLAIM: Final = (
    "避免排放量，自愿性质；不得用于配额清缴、抵销本单位排放或碳中和声明",
    (
        "Avoided emissions, voluntary in nature; not to be used for surrendering allowances, for "
        "offsetting one’s own emissions, or for claims of carbon neutrality"
    ),
)

#: Fields of a verification statement (TRUST V6), in the order a reader wants them.
STATEMENT_FIELDS: Final = {
    "report": ("监测报告", "Monitoring report"),
    "responsible_party": ("责任方", "Responsible party"),
    "criteria": ("准则", "Criteria"),
    "boundary": ("核查边界", "Boundary"),
    "period": ("监测期", "Monitoring period"),
    "objective": ("核查目的", "Objective"),
    "assurance": ("保证等级", "Level of assurance"),
    "materiality": ("实质性", "Materiality"),
    "method": ("抽样方法", "Sampling method"),
    "seed": ("随机种子", "Seed"),
    "sample": ("样本", "Sample"),
    "findings": ("核查发现", "Findings"),
    "claimed_g": ("申报减排量", "Quantity claimed"),
    "projected_g": ("预计错报", "Projected misstatement"),
    "bound_g": ("错报上限", "Upper misstatement bound"),
    "verified_g": ("核定减排量", "Quantity verified"),
    "opinion": ("核查意见", "Opinion"),
    "team": ("核查组", "Team"),
    "independence": ("独立性声明", "Independence"),
    "date": ("日期", "Date"),
}
#: Fields that a statement may lack: V6 does not ask for them.
STATEMENT_OPTIONAL: Final = ("projected_g", "bound_g")
#: Values of a statement that are codes.
STATEMENT_CODES: Final = {
    "reasonable": ("合理保证", "reasonable assurance"),
    "limited": ("有限保证", "limited assurance"),
    "positive": ("肯定意见", "positive"),
    "qualified": ("保留意见", "qualified"),
    "adverse": ("否定意见", "adverse"),
}

_WORDS: Final = {
    "claim": CLAIM,
    # --- every document ---------------------------------------------------------------------------
    "system": ("碳普惠", "Carbon Inclusion"),
    "field": ("条目", "Item"),
    "amount_kg": ("kg CO2e", "kg CO2e"),
    "pilot": ("试点单位（仅供演示）", "Pilot unit (demonstration)"),
    "pilot_mark": ("试点单位 仅供演示", "PILOT UNIT demonstration only"),
    "pilot_note": (
        "项目尚未备案；份额只可在演示中划转，不支持任何声明。",
        (
            "The project is not filed; its units can be transferred in demonstration only and "
            "support no claim."
        ),
    ),
    "filed": ("已备案", "Filed"),
    "no_seal": (
        "本文件由系统生成，不带印章；一切以公开日志的记录为准。",
        "Made by the system, without a seal; the entry in the public log is what counts.",
    ),
    # --- project ----------------------------------------------------------------------------------
    "project": ("项目", "Project"),
    "owner": ("项目业主", "Project owner"),
    "kind": ("项目类型", "Kind"),
    "enterprise": ("企业项目", "Enterprise project"),
    "programme": ("计划类项目", "Programme"),
    "methodology": ("方法学", "Methodology"),
    "status": ("备案状态", "Status"),
    "start": ("项目开始日期", "Project start"),
    "crediting": ("计入期", "Crediting period"),
    "authority": ("主管部门", "Competent authority"),
    "filing_number": ("备案编号", "Filing number"),
    # --- monitoring report ------------------------------------------------------------------------
    "report_title": ("监测报告", "Monitoring report"),
    "period": ("监测期", "Monitoring period"),
    "records": ("计入记录", "Records counted"),
    "reported": ("申报减排量", "Reduction reported"),
    "issuable": ("可签发量", "Issuable"),
    "net": ("净减排量", "Net reduction"),
    "ratio": ("保守比例", "Conservative ratio"),
    "estimate_note": (
        "全部计入记录的净减排量，不计证据份额与基准；所用因子的最佳估计。",
        (
            "Net reduction of every record counted, before evidence shares and baselines, by best "
            "estimates."
        ),
    ),
    "terms": ("从基准线到净减排量", "From baseline to net reduction"),
    "be": ("基准线排放量", "Baseline emissions"),
    "pe": ("项目排放量", "Project emissions"),
    "u": ("使用阶段排放量", "Use-phase emissions"),
    "le": ("泄漏排放量", "Leakage emissions"),
    "uncertainty": ("不确定性", "Uncertainty"),
    "band": ("净减排量的百分位", "Percentiles of the net reduction"),
    "band_note": (
        "浅色带为第 5 至第 95 百分位，竖线为各行的数值。",
        "The light band runs from the 5th to the 95th percentile; the mark is each row’s value.",
    ),
    "whisker_note": (
        "横线为第 5 至第 95 百分位，色块为各行的数值。",
        "The line runs from the 5th to the 95th percentile; the mark is each row’s value.",
    ),
    "percentile": ("第 {n} 百分位", "Percentile {n}"),
    "issuing_percentile": ("第 {n} 百分位（签发依据）", "Percentile {n} (issuing)"),
    "best_estimate": ("最佳估计", "Best estimate"),
    "draws": ("蒙特卡罗抽样次数", "Monte Carlo draws"),
    "seed": ("随机种子", "Seed"),
    "by_category": ("各类别计入量", "Credited by category"),
    "category": ("类别", "Category"),
    "evidence": ("证据等级", "Evidence rung"),
    "volume": ("数量", "Volume"),
    "piece": ("件", "pcs"),
    "kg": ("kg", "kg"),
    "positive": ("正值合计 kg", "Gains kg"),
    "negative": ("负值合计 kg", "Losses kg"),
    "share": ("证据份额", "Evidence share"),
    "tradable": ("可交易份额", "Tradable share"),
    "credited": ("计入 kg", "Credited kg"),
    "cells": ("各类别与证据等级", "By category and evidence rung"),
    "baselines": ("登记的基准产量（额外性）", "Registered baselines (additionality)"),
    "baselines_note": (
        "只有高于基准的部分可交易；没有登记基准的类别不可交易。",
        "Only what is above a baseline is tradable; a category without one is not.",
    ),
    "monthly": ("基准（月均）", "Baseline, monthly mean"),
    "rate": ("常规做法比例", "common-practice rate"),
    "balance": ("从计入到申报", "From credited to reported"),
    "credited_sum": ("计入合计", "Credited in all"),
    "deficit_in": ("上期结转亏缺", "Deficit carried in"),
    "deficit_out": ("结转下期亏缺", "Deficit carried out"),
    "pending": ("待更好证据", "Awaiting better evidence"),
    "below_baseline": ("基准以内（不可交易）", "Within the baseline (not tradable)"),
    "left_out": ("未计入的记录", "Records left out"),
    "reason": ("原因", "Reason"),
    "count": ("记录数", "Records"),
    "corrected": ("已被更正", "corrected since"),
    "returned": ("已退货", "returned"),
    "demonstration": ("演示运行", "demonstration run"),
    "display": ("仅供展示的因子", "display-only factors"),
    "withdrawn": ("因子已撤回", "factor withdrawn"),
    "other_methodology": ("属其他方法学", "of another methodology"),
    "basis": ("凭什么相信", "What it rests on"),
    "report_id": ("报告编号", "Report"),
    "leaves": ("日志叶节点", "Log leaves"),
    "checkpoint": ("检查点", "Checkpoint"),
    "tree_size": ("树的大小", "Tree size"),
    "root": ("树根", "Root"),
    "formula": ("公式", "Formula"),
    "catalogue": ("因子库", "Catalogue"),
    "factor_rows": ("用到的因子（{n} 行）", "Factor rows used ({n})"),
    "as_table": ("数据表", "As a table"),
    "report_attached": (
        "本 PDF 内附 report.json，可由任何人按公开日志重建。",
        "This PDF holds report.json, which anyone can rebuild from the public log.",
    ),
    # --- certificate ------------------------------------------------------------------------------
    "certificate_title": ("减排量注销证书", "Certificate of Retirement"),
    "certificate_lead": (
        "兹证明以下减排量份额已在登记簿中注销，不再流通。",
        (
            "This certifies that the credits below are retired in the registry and no longer "
            "circulate."
        ),
    ),
    "quantity": ("注销数量", "Quantity retired"),
    "credits": ("{n} 份，每份 1 kg CO2e", "{n} credits of 1 kg CO2e each"),
    "number": ("证书编号", "Certificate no."),
    "retired_at": ("注销时间", "Retired at"),
    "beneficiary": ("受益人", "Beneficiary"),
    "purpose": ("用途", "Purpose"),
    "holder": ("注销前持有人", "Holder before retirement"),
    "vintage": ("减排量产生年份", "Vintage"),
    "leaf": ("日志叶节点", "Log leaf"),
    "leaf_hash": ("叶哈希", "Leaf hash"),
    "salt": ("受益人摘要的盐", "Salt of the beneficiary's digest"),
    "scan": ("扫码查验", "Scan to check"),
    "serials": ("序列号", "Serial numbers"),
    "first": ("首号", "First"),
    "last": ("末号", "Last"),
    "amount": ("份数", "Credits"),
    "check_title": ("离线查验", "Checking offline"),
    "check_1": (
        "取出本 PDF 的附件 {name}（正文见下），并从另一途径取得日志公钥。",
        (
            "Save the attachment {name} of this PDF (its text is below) and get the log’s public "
            "key by another way."
        ),
    ),
    "check_2": (
        "核对检查点的签名：C2SP signed-note，Ed25519。",
        "Check the checkpoint’s signature: C2SP signed-note, Ed25519.",
    ),
    "check_3": (
        "从叶哈希 SHA-256(0x00 ‖ 叶原文) 沿附件中的路径逐级计算（RFC 6962），须得检查点的树根。",
        (
            "Climb from the leaf hash SHA-256(0x00 ‖ leaf) along the path in the attachment (RFC "
            "6962); the result has to be the checkpoint’s root."
        ),
    ),
    "check_4": (
        "叶原文中的数量、序列号与本证书一致。任何支持 C2SP tlog-proof 的工具均可完成第 2、3 步。",
        (
            "Quantity and serial numbers of the leaf are those of this certificate. Any tool that "
            "knows C2SP tlog-proof does steps 2 and 3."
        ),
    ),
    "proof": ("包含证明（C2SP tlog-proof）", "Inclusion proof (C2SP tlog-proof)"),
    # --- verification statement -------------------------------------------------------------------
    "statement_title": ("核查声明", "Verification statement"),
    "signatures": ("签名", "Signatures"),
    "name": ("姓名", "Name"),
    "role": ("角色", "Role"),
    "key": ("公钥编号", "Key id"),
    "class": ("类别", "Class"),
    "text": ("内容", "Content"),
    "state": ("状态", "State"),
    "none": ("无", "none"),
    "digest": ("声明的 SHA-256", "SHA-256 of the statement"),
    "verifier": ("核查员", "verifier"),
    "reviewer": ("复核员", "reviewer"),
    "open": ("未关闭", "open"),
    "answered": ("已答复", "answered"),
    "closed": ("已关闭", "closed"),
    "CAR": ("不符合项（CAR）", "Corrective action request (CAR)"),
    "CL": ("澄清要求（CL）", "Clarification request (CL)"),
    "FAR": ("后续行动要求（FAR）", "Forward action request (FAR)"),
}

#: What a retirement is for, by the code of its decision.
PURPOSES: Final = {
    "event": ("活动", "an event"),
    "organisation": ("机构自愿行动", "voluntary action of an organisation"),
    "product": ("产品或服务", "a product or service"),
    "gift": ("赠予", "a gift"),
    "other": ("其他", "other"),
}
#: Members of a sample's summary, where they have a name.
SAMPLE: Final = {
    "population": ("总体记录数", "Population"),
    "size": ("样本量", "Sample size"),
    "opened": ("已查看", "Opened"),
    "interval_g": ("抽样间距", "Interval"),
    "population_g": ("正值总量", "Positive grams in all"),
    "losses": ("净排放记录数", "Records at or below zero"),
    "misstatement_g": ("预计错报", "Projected misstatement"),
    "upper_g": ("错报上限", "Upper misstatement bound"),
    "confidence": ("置信水平", "Confidence"),
    "expected_bp": ("预期错报（基点）", "Expected error (basis points)"),
}


def words(lang: Lang) -> dict[str, str]:
    """Every label of one language by its name."""
    return {name: choose(both, lang) for name, both in _WORDS.items()}


def choose(both: tuple[str, str], lang: Lang) -> str:
    """One of a Chinese and an English text."""
    return both[0] if lang == "zh" else both[1]


def named(table: Mapping[str, tuple[str, str]], code: str, lang: Lang) -> str:
    """A code's words; a code without any is shown as it is."""
    return choose(table.get(code, (code, code)), lang)


def evidence(code: str, lang: Lang) -> str:
    """Words of a rung of the evidence ladder."""
    rungs = {c.code: (c.name.zh, c.name.en) for c in CODES["evidence"]}
    return named(rungs, code, lang)


def in_language(text: str | Mapping[str, str], lang: Lang) -> str:
    """A text that is one for both languages, or has one for each."""
    return text if isinstance(text, str) else text[lang]
