"""Faults of verification: samples, their evaluation, findings, statements, and working days."""

from __future__ import annotations

from carbon.domain.errors.fault import fault

FAULTS = (
    fault(
        "calendar.unknown",
        "{day} 是否工作日未知：日历没有 {year} 年的放假安排。",
        "Whether {day} is a working day is unknown: the calendar has no notice for {year}.",
        "请把国务院办公厅当年的通知逐日加入 factors/calendar/workdays.csv。",
        "Add the days of that year's State Council notice to factors/calendar/workdays.csv.",
    ),
    fault(
        "calendar.file",
        "{path} 第 {line} 行不对：{value}。",
        "{path}, line {line} is wrong: {value}.",
        "列为 day,kind,name,source，均须填写；一日一行；"
        "workday 只能是周六、周日；每年须有 1 月 1 日。",
        "The columns are day,kind,name,source, all filled; one row a day; a workday is a Saturday "
        "or Sunday; each year has its 1 January.",
    ),
    fault(
        "sampling.risk",
        "风险评估的值“{value}”不对。",
        "“{value}” is no value of a risk assessment.",
        "固有风险与控制风险为 low、medium 或 high；份额为 0 至 10000 基点。",
        "Inherent and control risk are low, medium or high; a share is 0 to 10000 basis points.",
    ),
    fault(
        "sampling.confidence",
        "没有 {value}% 这一置信水平。",
        "There is no confidence level of {value} %.",
        "可用 80、90、95，由风险评估得出。",
        "It is 80, 90 or 95, as the risk assessment gives it.",
    ),
    fault(
        "sampling.expected",
        "预期错报 {expected_bp} 基点、可容忍 {tolerable_bp} 基点：{most} 个单位的样本也不够。",
        "With {expected_bp} basis points expected and {tolerable_bp} tolerable, no sample of up to "
        "{most} units is enough.",
        "预期错报这样高时，请先由报告方改正，再核查。",
        "Where so much error is expected, the reporter corrects first and is verified afterwards.",
    ),
    fault(
        "sampling.nonce",
        "随机数或种子有 {size} 字节，应为 {needed} 字节。",
        "A nonce or seed has {size} bytes and needs {needed}.",
        "请用安全随机源生成 32 字节的随机数。",
        "Make a nonce of 32 bytes from a secure source.",
    ),
    fault(
        "sampling.reveal",
        "公开的随机数与承诺 {commitment} 不符。",
        "The revealed nonce does not match the commitment {commitment}.",
        "请公开承诺时所用的那个随机数；丢失则须换核查员重新承诺。",
        "Reveal the nonce committed to; if it is lost, another verifier commits anew.",
    ),
    fault(
        "sampling.frame",
        "抽样总体无效：{place}。",
        "The frame of a sample is invalid: {place}.",
        "叶、行、克数须等长，按日志次序，不重复；克数绝对值之和须小于 2^62。",
        "Leaves, rows and grams are equally many, in the order of the log, none twice; the grams "
        "add up to less than 2^62.",
    ),
    fault(
        "evaluation.unopened",
        "还有 {count} 个样本未打开，首先是叶 {leaf} 行 {row}。",
        "{count} sampled items are not opened yet, the first is leaf {leaf}, row {row}.",
        "请逐一打开并记录核查所得克数，再评价。",
        "Open each and record the grams found, then evaluate.",
    ),
    fault(
        "evaluation.foreign",
        "有 {count} 条记录不在样本中，首先是叶 {leaf} 行 {row}。",
        "{count} records are not in the sample, the first is leaf {leaf}, row {row}.",
        "样本以外的问题请作为不符合项提出，不参与推断。",
        "Raise what was found outside the sample as a finding: it is not projected.",
    ),
    fault(
        "evaluation.claim",
        "申报的 {reported_g} 克不能超过其所依据的 {gained_g} 克。",
        "{reported_g} g are claimed of only {gained_g} g.",
        "申报量 ≤ 正项所得 ≤ 总体正项之和；请由监测报告重新取数。",
        "Reported ≤ gained by positive items ≤ their sum in the frame: take both from the report.",
    ),
    fault(
        "verification.report",
        "没有已公布的报告 {report}。",
        "There is no published report {report}.",
        "请先出具报告并排序。",
        "Report, then sequence.",
    ),
    fault(
        "verification.unassigned",
        "报告 {report} 没有指派核查员与复核员。",
        "Nobody is assigned to verify the report {report}.",
        "请由签发人指派：carbon verify assign。",
        "Let an issuer assign: carbon verify assign.",
    ),
    fault(
        "verification.role",
        "人员 {person} 没有角色 {role}。",
        "The person {person} is no {role}.",
        "请先登记该角色。",
        "Register them with that role first.",
    ),
    fault(
        "verification.late",
        "报告 {report} 已出具，不能再提交承诺。",
        "The report {report} exists: it is too late to commit.",
        "承诺须在报告之前公布。",
        "Commitments are published before the report.",
    ),
    fault(
        "verification.person",
        "此人未被指派处理报告 {report}。",
        "This person is not assigned to the report {report}.",
        "请由被指派的人员操作。",
        "Let the person assigned do it.",
    ),
    fault(
        "verification.undrawn",
        "报告 {report} 尚未抽样。",
        "No sample of the report {report} was drawn yet.",
        "请双方揭示随机数。",
        "Let both sides reveal their nonces.",
    ),
    fault(
        "verification.closed",
        "报告 {report} 已有核查声明。",
        "The report {report} has its statement already.",
        "声明后的问题请用重述处理。",
        "What comes up afterwards is restated.",
    ),
    fault(
        "verification.unopened",
        "样本第 {leaf} 条第 {row} 行尚未打开。",
        "The sample's item at leaf {leaf}, row {row} was not opened.",
        "请先用 carbon verify sample 打开样本。",
        "Open the sample with carbon verify sample first.",
    ),
    fault(
        "verification.finding",
        "没有不符合项 {finding}。",
        "There is no finding {finding}.",
        "请核对编号。",
        "Check the id.",
    ),
    fault(
        "verification.blocked",
        "报告 {report} 还有未关闭的不符合项 {finding}。",
        "The report {report} has an open finding: {finding}.",
        "请先答复并关闭。",
        "Answer and close it first.",
    ),
    fault(
        "verification.differs",
        "报告 {report} 的声明中 {field} 与重算不同。",
        "In the statement on the report {report}, {field} is not what report and sample give.",
        "请重新生成声明。",
        "Make the statement again.",
    ),
    fault(
        "verification.sheet",
        "{path} 第 {line} 行不是有效的核查结果。",
        "Line {line} of {path} is no sound result.",
        "audited_g 填整数克，intent 填是或否。",
        "audited_g is whole grams, intent yes or no.",
    ),
)
