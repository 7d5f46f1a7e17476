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
        "finding.order",
        "发现 {finding}：此时不能有 {event}。",
        "Finding {finding}: {event} cannot come now.",
        "次序为提出、答复、关闭；关闭前须有答复，日期不得倒退；关闭后如有新问题请另提。",
        "Raise, answer, close, with days that do not run backwards; what comes up after closing "
        "is a finding of its own.",
    ),
    fault(
        "finding.same_person",
        "发现 {finding} 不能由答复者自己关闭。",
        "Finding {finding} cannot be closed by who answered it.",
        "请由核查员关闭。",
        "Let the verifier close it.",
    ),
    fault(
        "independence.conflict",
        "{person} 或其所属组织在该项目的利益冲突登记中。",
        "{person}, or their organisation, is in the project's conflict register.",
        "请指派其他人。",
        "Assign somebody else.",
    ),
    fault(
        "independence.reviewer",
        "复核员 {person} 同时在核查组中。",
        "The reviewer {person} is in the team as well.",
        "请指派核查组以外的复核员。",
        "Assign a reviewer from outside the team.",
    ),
    fault(
        "independence.rotation",
        "{person} 已连续核查该项目 {most} 期，须先间隔 {out} 期。",
        "{person} has verified this project {most} periods in a row and pauses for {out}.",
        "请指派其他核查员。",
        "Assign another verifier.",
    ),
    fault(
        "statement.incomplete",
        "核查声明缺少：{names}。",
        "The statement lacks: {names}.",
        "请补全；缺一项也不能签发声明。",
        "Fill them in: a statement that lacks one is not sealed.",
    ),
    fault(
        "statement.form",
        "核查声明的 {member} 形式不对。",
        "The statement's {member} has not its form.",
        "字段与形式见 docs/sampling.md 第 6 节。",
        "docs/sampling.en.md, section 6, lists the fields and their forms.",
    ),
    fault(
        "statement.contradiction",
        "核查声明的 {one} 与 {other} 矛盾。",
        "The statement's {one} contradicts its {other}.",
        "核定量不超过申报量，否定意见为 0；其他意见须先关闭所有 CAR 与 CL。",
        "Verified is at most claimed, and 0 for an adverse opinion; for any other one, every CAR "
        "and CL is closed first.",
    ),
)
