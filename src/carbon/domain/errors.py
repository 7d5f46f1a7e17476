"""One root error, stable codes, messages in Chinese and English.

A *fault* says what is wrong and what to do about it. The same catalogue serves two uses: faults in
a user's records are returned as findings (many at once), an impossible state is raised as
:class:`CarbonError`. Codes are public: they never change meaning, and `docs/errors.md` lists all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Lang = Literal["zh", "en"]
LANGS: Final[tuple[Lang, ...]] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages; both are required, so neither can be missing."""

    zh: str
    en: str

    def say(self, lang: Lang, **values: object) -> str:
        """The sentence in one language, its ``{placeholders}`` filled in."""
        template = self.zh if lang == "zh" else self.en
        return template.format(**values) if values else template


@dataclass(frozen=True, slots=True)
class Fault:
    """A stable code with what is wrong and what to do."""

    code: str
    what: Text
    fix: Text


class CarbonError(Exception):
    """The root of every error this package raises on purpose.

    ``code`` is a key of :data:`FAULTS`; ``values`` fill the message's placeholders.
    """

    def __init__(self, code: str, /, **values: object) -> None:
        self.fault = FAULTS[code]
        self.code = code
        self.values = values
        super().__init__(code, values)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.values)

    def say(self, lang: Lang = "en") -> str:
        """What is wrong and what to do, in one language."""
        values = {n: v.say(lang) if hasattr(v, "say") else v for n, v in self.values.items()}
        what, fix = self.fault.what.say(lang, **values), self.fault.fix.say(lang, **values)
        return f"{what} {fix}" if lang == "en" else f"{what}{fix}"

    def __str__(self) -> str:
        return f"[{self.code}] {self.say('en')}"


def _rebuild(code: str, values: dict[str, object]) -> CarbonError:
    return CarbonError(code, **values)


def _fault(code: str, zh: str, en: str, fix_zh: str, fix_en: str) -> Fault:
    return Fault(code, Text(zh, en), Text(fix_zh, fix_en))


_FILES = (
    _fault(
        "file.missing",
        "找不到文件 {path}。",
        "No file at {path}.",
        "请检查路径。",
        "Check the path.",
    ),
    _fault(
        "file.format",
        "{path} 不是 CSV、XLSX 或 Parquet 文件，或已损坏（{reason}）。",
        "{path} is not a readable CSV, XLSX or Parquet file ({reason}).",
        "请从原程序重新导出为其中一种格式。",
        "Export it again from its program in one of these formats.",
    ),
    _fault(
        "file.empty",
        "{path} 没有任何数据行。",
        "{path} holds no data row.",
        "请检查导出的工作表或查询。",
        "Check the exported sheet or query.",
    ),
    _fault(
        "file.encoding",
        "{path} 既不是 UTF-8、UTF-16 也不是 GB18030 编码。",
        "{path} is encoded neither in UTF-8, UTF-16 nor GB18030.",
        "请另存为“CSV UTF-8”。",
        "Save it as “CSV UTF-8”.",
    ),
    _fault(
        "file.access",
        "无法访问 {path}：{reason}。",
        "Cannot access {path}: {reason}.",
        "请检查路径与权限。",
        "Check the path and its permissions.",
    ),
    _fault(
        "file.sheets",
        "{path} 有多个含数据的工作表：{names}。",
        "{path} has data on several sheets: {names}.",
        "请每个文件只留一个工作表（隐藏的不计）。",
        "Keep one sheet per file; hidden ones do not count.",
    ),
    _fault(
        "file.error_cells",
        "{path} 的单元格 {cell} 是错误值或未计算的公式。",
        "{path}: cell {cell} holds an error value or a formula that was never computed.",
        "请在表格软件中改正并重新计算、保存。",
        "Correct it in the spreadsheet, recalculate and save.",
    ),
    _fault(
        "file.quotes",
        "{path} 的引号不成对，之后的行会被吞掉。",
        "{path} has an odd number of quotation marks, which would swallow the rows after one.",
        "请补上缺的引号，或删去单独的引号。",
        "Close the open one, or remove a lone one.",
    ),
    _fault(
        "file.too_large",
        "{path} 超出上限：{what} 为 {value}，上限 {limit}。",
        "{path} is over a limit: {what} is {value}, the limit is {limit}.",
        "请拆分文件，或改用 Parquet。",
        "Split the file, or use Parquet.",
    ),
    _fault(
        "file.zip_bomb",
        "{path} 解压后膨胀 {ratio} 倍，上限 {limit} 倍，已拒绝。",
        "{path} unpacks to {ratio} times its size, over the limit of {limit} times: refused.",
        "请用表格软件另存一份，只保留数据。",
        "Save a copy with the data only.",
    ),
    _fault(
        "file.merged_cells",
        "{path} 有合并单元格（第 {row} 行第 {column} 列起）。",
        "{path} has merged cells (from row {row}, column {column}).",
        "请取消合并，每格填写自己的值。",
        "Unmerge them and give each cell its own value.",
    ),
    _fault(
        "file.output_exists",
        "输出目录 {path} 已存在且非空。",
        "The output folder {path} already exists and is not empty.",
        "请换一个目录名，或先移走它。",
        "Choose another name, or move it away first.",
    ),
    _fault(
        "file.output",
        "无法写入 {path}：{reason}。",
        "Cannot write {path}: {reason}.",
        "请检查磁盘空间与权限；未留下半成品。",
        "Check disk space and permissions; nothing half-finished was left.",
    ),
    _fault(
        "columns.missing",
        "{path} 缺少必需的列：{columns}。",
        "{path} lacks required columns: {columns}.",
        "请补列，或用 --mapping 指明对应的列名。",
        "Add them, or name their counterparts with --mapping.",
    ),
    _fault(
        "columns.unknown",
        "{path} 有不认识的列：{columns}。",
        "{path} has unknown columns: {columns}.",
        "请删去，或在映射文件的 ignore 中列出。",
        "Remove them, or list them under `ignore` in the mapping.",
    ),
    _fault(
        "columns.duplicate",
        "{path} 有重复的列：{columns}。",
        "{path} has columns twice: {columns}.",
        "请只保留一列。",
        "Keep one of each.",
    ),
    _fault(
        "identity.too_many",
        "{path} 的 {column} 列重复过多（超过 {limit} 行）。",
        "{path} repeats its {column} more than {limit} times.",
        "请检查这一列是否真的是编号。",
        "Check that this column really is an identifier.",
    ),
    _fault(
        "mapping.missing",
        "没有名为 {name} 的映射；已有：{known}。",
        "No mapping is called {name}; known: {known}.",
        "请给出其中一个名称，或映射文件的路径。",
        "Give one of these names, or the path of a mapping file.",
    ),
    _fault(
        "mapping.invalid",
        "映射 {name} 有误：{reason}。",
        "Mapping {name} is not valid: {reason}.",
        "格式见 docs/mappings.md。",
        "The format is in docs/mappings.md.",
    ),
    _fault(
        "period.invalid",
        "“{value}”不是月份。",
        "“{value}” is not a month.",
        "请写成 2026-10。",
        "Write 2026-10.",
    ),
    _fault(
        "date.option",
        "“{value}”不是日期。",
        "“{value}” is not a date.",
        "请写成 2026-10-01。",
        "Write 2026-10-01.",
    ),
    _fault(
        "methodology.unknown",
        "没有方法学 {name}；已有：{known}。",
        "There is no methodology {name}; known: {known}.",
        "请给出其中一个编号。",
        "Give one of these ids.",
    ),
    _fault(
        "record.unknown",
        "{path} 中没有编号为 {record_id} 的记录。",
        "{path} holds no record {record_id}.",
        "请核对编号；被拒的记录见 rejects.csv。",
        "Check the id; rejected records are in rejects.csv.",
    ),
    _fault(
        "record.rejected",
        "记录 {record_id} 被拒：{reasons}。",
        "Record {record_id} was rejected: {reasons}.",
        "逐项的改法见 rejects.csv。",
        "rejects.csv says what to do about each.",
    ),
    _fault(
        "result.invalid",
        "{path} 不是本程序写出的完整结果目录（{reason}）。",
        "{path} is not a complete result folder of this program ({reason}).",
        "请重新运行 carbon quantify。",
        "Run carbon quantify again.",
    ),
    _fault(
        "result.catalogue",
        "结果用的是因子库 {used}，给出的是 {given}。",
        "The result was computed with catalogue {used}, given is {given}.",
        "请用 --factors 指向当时的因子库。",
        "Point --factors at the tables of that time.",
    ),
    _fault(
        "cluster.unreachable",
        "连不上 Dask 调度器 {address}：{reason}。",
        "Cannot use the Dask scheduler {address}: {reason}.",
        "请检查地址，并安装 carbon-inclusion[cluster]。",
        "Check the address, and install carbon-inclusion[cluster].",
    ),
    _fault(
        "option.range",
        "选项 {option} 的值 {value} 超出范围 {low} 至 {high}。",
        "Option {option} is {value}, outside {low} to {high}.",
        "请改为范围内的值。",
        "Give a value inside the range.",
    ),
    _fault(
        "internal",
        "程序内部错误（{reason}），本次未写出结果。",
        "An internal error ({reason}); nothing was written.",
        "请把命令和这行信息报告给维护者；设 CARBON_DEBUG=1 可见细节。",
        "Report the command and this line; CARBON_DEBUG=1 shows details.",
    ),
)

_FACTORS = (
    _fault(
        "factors.folder",
        "{path} 不是因子库目录：缺少 {missing}。",
        "{path} is not a factor folder: {missing} is missing.",
        "请用 --factors 指向含 items.csv 与 sources.csv 的目录。",
        "Point --factors at a folder with items.csv and sources.csv.",
    ),
    _fault(
        "factors.invalid",
        "因子库 {path} 有 {count} 处错误；首先是：{first}。",
        "The factor tables in {path} have {count} faults; the first: {first}.",
        "运行 carbon factors validate 查看全部。",
        "Run carbon factors validate to see all.",
    ),
    _fault(
        "factors.column",
        "列不对：{value}。",
        "Wrong columns: {value}.",
        "列名与次序须与 datapackage.json 一致。",
        "Names and order must be those of datapackage.json.",
    ),
    _fault(
        "factors.encoding",
        "文件无法读取：{value}。",
        "The file cannot be read: {value}.",
        "须为 UTF-8 的 CSV。",
        "It must be CSV in UTF-8.",
    ),
    _fault(
        "factors.missing_value",
        "缺少 {value}。",
        "{value} is missing.",
        "每行都须有键、日期、单位、来源；可用者须有数值。",
        "Each row needs key, date, unit and source, and a value unless graded not_yet.",
    ),
    _fault(
        "factors.number",
        "“{value}”不是十进制数。",
        "“{value}” is not a plain decimal.",
        "请写成 12.5 这样的数，不用千分位或指数。",
        "Write a number such as 12.5, without separators or exponent.",
    ),
    _fault(
        "factors.date",
        "日期“{value}”不对。",
        "The date “{value}” is wrong.",
        "请写成 2026-01-01；截止日不早于生效日。",
        "Write 2026-01-01; an end is not before its start.",
    ),
    _fault(
        "factors.duplicate",
        "{value} 重复。",
        "{value} stands twice.",
        "同一键与生效日只许一行；别名全表唯一。",
        "One row per key and effective date; aliases are unique in the table.",
    ),
    _fault(
        "factors.order",
        "{value} 次序不对。",
        "{value} is out of order.",
        "请按键、再按生效日排序。",
        "Sort by key, then by effective date.",
    ),
    _fault(
        "factors.code",
        "“{value}”不在代码表中。",
        "“{value}” is not an allowed code.",
        "允许的代码见 docs/factors.md。",
        "docs/factors.md lists the codes.",
    ),
    _fault(
        "factors.range",
        "数值不在其区间内：{value}。",
        "The value lies outside its own range: {value}.",
        "须 low ≤ value ≤ high。",
        "low ≤ value ≤ high must hold.",
    ),
    _fault(
        "factors.band",
        "{value} 超出该类物品的合理范围。",
        "{value} lies outside the plausible band of the item type.",
        "多半是单位或边界不对（每件、每千克、含使用阶段）；请查原文。",
        "Mostly a wrong unit or boundary (per item, per kg, use phase included): check the source.",
    ),
    _fault(
        "factors.boundary",
        "边界“{value}”不能用于此表。",
        "Boundary “{value}” cannot serve in this table.",
        "生产因子只收摇篮到大门（可含分销），不含使用与废弃阶段。",
        "Production factors run cradle to gate (with distribution), no use phase, no end of life.",
    ),
    _fault(
        "factors.biogenic",
        "生产因子为负（{value}）。",
        "A production factor is negative ({value}).",
        "生物碳吸收计为 0；请改用不含生物碳的数值。",
        "Biogenic uptake counts 0: use a figure without it.",
    ),
    _fault(
        "factors.grade_reason",
        "{value} 未说明为何不可签发。",
        "{value} does not say why it cannot issue.",
        "display 与 not_yet 须填 grade_reason。",
        "display and not_yet rows need a grade_reason.",
    ),
    _fault(
        "factors.reference",
        "引用“{value}”不存在。",
        "The reference “{value}” does not exist.",
        "来源须在 sources.csv，证据须在 evidence.csv，物品须在 items.csv。",
        "Sources live in sources.csv, evidence in evidence.csv, items in items.csv.",
    ),
    _fault(
        "factors.code_host",
        "“{value}”是代码托管站上的“碳普惠”因子表，不能作来源。",
        "“{value}” is a carbon-inclusion factor table on a code host: never a source.",
        "这类表互相矛盾；请引用原始研究或官方文件。",
        "Such tables contradict one another: cite the study or the official document.",
    ),
    _fault(
        "factors.rule",
        "采用值与证据不符：{value}。",
        "The adopted value does not follow from its evidence: {value}.",
        "按规则（median、single、minimum）由证据重算。",
        "Recompute it from the evidence by its rule (median, single, minimum).",
    ),
    _fault(
        "factors.unknown_family",
        "因子库没有“{value}”表。",
        "The catalogue has no table “{value}”.",
        "请在因子库目录中加入该表。",
        "Add the table to the factor folder.",
    ),
)

_RECORDS = (
    _fault(
        "row.shape",
        "该行列数与表头不符。",
        "The row does not have the header's number of cells.",
        "请检查该行的分隔符、引号与换行。",
        "Check its separators, quotes and line breaks.",
    ),
    _fault(
        "text.missing",
        "必填项为空。",
        "A required value is empty.",
        "请填写。",
        "Fill it in.",
    ),
    _fault(
        "text.too_long",
        "文字过长。",
        "The text is too long.",
        "编号最多 64 个字符，备注最多 500 个。",
        "Identifiers hold at most 64 characters, notes 500.",
    ),
    _fault(
        "record_id.duplicate",
        "记录编号在文件中不止一次出现。",
        "The record id stands more than once in the file.",
        "每个编号只留一行；这些行一律不计。",
        "Keep one row per id; none of them is counted.",
    ),
    _fault(
        "date.invalid",
        "不是可识别的日期。",
        "Not a recognisable date.",
        "请写成 2026-10-01（年在前）；不接受日月次序不明的写法。",
        "Write 2026-10-01 (year first); ambiguous orders are not accepted.",
    ),
    _fault(
        "date.range",
        "日期在 1990 年之前或 2099 年之后。",
        "The date lies before 1990 or after 2099.",
        "请核对年份。",
        "Check the year.",
    ),
    _fault(
        "date.future",
        "日期在将来。",
        "The date lies in the future.",
        "请在行为发生之后再报。",
        "Report an act after it happened.",
    ),
    _fault(
        "date.order",
        "退货日期早于发生日期。",
        "The return is dated before the act.",
        "请核对两个日期。",
        "Check both dates.",
    ),
    _fault(
        "period.outside",
        "发生日期不在所选月份内。",
        "The act lies outside the chosen month.",
        "请在它所属的月份报告。",
        "Report it in its own month.",
    ),
    _fault(
        "code.unknown",
        "不在代码表中。",
        "Not in the code table.",
        "可用的代码与名称见 docs/records.md，或运行 carbon codes。",
        "docs/records.md lists codes and names; so does carbon codes.",
    ),
    _fault(
        "number.invalid",
        "不是数字。",
        "Not a number.",
        "请写成 12.5，不带单位、千分位或公式。",
        "Write 12.5, without unit, separators or formula.",
    ),
    _fault(
        "number.range",
        "数值超出允许范围。",
        "The number lies outside the allowed range.",
        "请核对数值与单位；范围见 docs/records.md。",
        "Check value and unit; docs/records.md lists the ranges.",
    ),
    _fault(
        "number.whole",
        "须为整数。",
        "It must be a whole number.",
        "件数与金额（分）用整数；按重量计的物品请填质量。",
        "Pieces and fen are whole; goods by weight have a mass.",
    ),
    _fault(
        "quantity.missing",
        "该物品按件计，缺少数量。",
        "This item type is counted by piece; the quantity is missing.",
        "请填 quantity（数量）。",
        "Fill in quantity.",
    ),
    _fault(
        "mass.missing",
        "该物品按重量计，缺少质量。",
        "This item type is counted by weight; the mass is missing.",
        "请填 mass_kg（千克）。",
        "Fill in mass_kg.",
    ),
    _fault(
        "mass.band",
        "单件质量不合常理。",
        "The mass per piece is implausible for this item type.",
        "请核对件数、质量与单位（千克）。",
        "Check pieces, mass and unit (kilograms).",
    ),
    _fault(
        "amount.too_large",
        "一条记录超过 1 万吨。",
        "One record exceeds 10,000 tonnes.",
        "请核对数量与质量。",
        "Check quantity and mass.",
    ),
    _fault(
        "act.intake",
        "收取不计减排量：交到下一位使用者手中时才计。",
        "Intake earns no grams: they come when the item is handed to its next user.",
        "在再使用交付时另报一条 sale、donation 或 share 记录。",
        "Report the later hand-over as sale, donation or share.",
    ),
    _fault(
        "act.not_covered",
        "所选方法学不适用于这种行为。",
        "The chosen methodology does not cover this act.",
        "请换用适用的方法学（维修用 HD-REPAIR）。",
        "Use the methodology for it (repairs: HD-REPAIR).",
    ),
    _fault(
        "repair.not_fixed",
        "未修好，不计减排量。",
        "Not repaired: nothing was avoided.",
        "只有修好的才计。",
        "Only a successful repair counts.",
    ),
    _fault(
        "condition.broken",
        "不能再使用的物品不属于再使用。",
        "An unusable item is not re-used.",
        "请走回收渠道。",
        "Send it to recycling.",
    ),
    _fault(
        "destination.not_reused",
        "去向不是再使用。",
        "It was not handed to a next user.",
        "再生、焚烧、遗失不计减排量。",
        "Fibre, incineration and loss earn nothing.",
    ),
    _fault(
        "destination.export",
        "出口暂不计：规则未定。",
        "Exports are not counted until their rule exists.",
        "请只报交付给中国大陆使用者的物品。",
        "Report hand-overs to users in mainland China only.",
    ),
    _fault(
        "destination.unproven",
        "按重量计的一批物品没有去向证据。",
        "A batch by weight has no evidence of its fate.",
        "请填 destination（去向）；演示运行用缺省份额并标记。",
        "Fill in destination; a demonstration uses the default share and flags it.",
    ),
    _fault(
        "region.missing",
        "缺少接收地。",
        "The receiver's region is missing.",
        "请填接收方所在的省级行政区。",
        "Fill in the receiver's province.",
    ),
    _fault(
        "region.abroad",
        "接收方不在中国大陆。",
        "The receiver is not in mainland China.",
        "不可签发；可用 --demonstration 试算。",
        "It can never issue; --demonstration computes it for display.",
    ),
    _fault(
        "site.not_hedong",
        "站点或企业未在河东区登记。",
        "Neither site nor enterprise is registered in Hedong.",
        "站点编号以 120102 开头，或企业的统一社会信用代码第 3–8 位为 120102。",
        "A site id starts with 120102, or digits 3–8 of the enterprise's credit code are 120102.",
    ),
    _fault(
        "transport.missing",
        "缺少运输方式。",
        "The mode of transport is missing.",
        "当面交接填 hand；其余代码见 docs/records.md。",
        "Write hand for a hand-over on the spot; docs/records.md lists the others.",
    ),
    _fault(
        "transport.distance",
        "货运缺少里程。",
        "Freight needs its distance.",
        "请填 transport_km。",
        "Fill in transport_km.",
    ),
    _fault(
        "process.missing",
        "缺少整备方式。",
        "The preparation is missing.",
        "未整备填 none，轻度 light，深度 full，保养 service。",
        "Write none, light, full or service.",
    ),
    _fault(
        "age.missing",
        "手机、电脑、家电须有已用年限。",
        "Phones, computers and appliances need an age.",
        "请填 age_years。",
        "Fill in age_years.",
    ),
    _fault(
        "item_id.several",
        "一个物品编号只代表一件物品。",
        "An item id stands for one piece.",
        "多件请分行填写，或不填编号；按重量计的一批不填编号。",
        "Give each piece its row, or no id; a batch by weight has none.",
    ),
    _fault(
        "energy.unsourced",
        "用电数据没有来源，不可签发。",
        "No sourced electricity use: it cannot issue.",
        "可用 --demonstration 试算，使用阶段不计并标记。",
        "--demonstration computes it without the use phase, flagged.",
    ),
    _fault(
        "life.exhausted",
        "剩余寿命低于该类别的下限。",
        "Less life is left than the least this category is credited for.",
        "到寿的物品不计减排量。",
        "An item at the end of its life earns nothing.",
    ),
    _fault(
        "subsidy.unknown",
        "以旧换新须说明是否享受国家补贴。",
        "A trade-in must say whether it received the national subsidy.",
        "请填 subsidised:是或否。",
        "Fill in subsidised: yes or no.",
    ),
    _fault(
        "subsidy.received",
        "享受国家以旧换新补贴的，暂不可计。",
        "A trade-in with the national subsidy is not creditable yet.",
        "规则未定前请勿上报。",
        "Do not report it until its rule exists.",
    ),
    _fault(
        "returned.in_window",
        "退货期内退货，不进入报告。",
        "Returned within the return window: it never enters a report.",
        "无须处理。",
        "Nothing to do.",
    ),
    _fault(
        "returned.later",
        "退货期后退货，应以更正处理。",
        "Returned after the return window: that is a correction.",
        "请对原记录提交更正。",
        "Submit a correction of the original record.",
    ),
    _fault(
        "methodology.not_in_force",
        "该日期方法学未生效。",
        "The methodology is not in force on that day.",
        "较早的行为只能用 --as-of 试算，不可签发。",
        "Older acts can only be computed with --as-of, and never issue.",
    ),
    _fault(
        "factor.missing",
        "因子库没有所需的因子。",
        "The catalogue has no factor for it.",
        "如有可靠来源，可按 docs/factors.md 提议增加。",
        "Propose one with its source, as docs/factors.md says.",
    ),
    _fault(
        "factor.before_first",
        "该日期早于因子的首个生效日。",
        "The day lies before the factor's first effective date.",
        "因子不倒推；可用 --as-of 试算。",
        "Factors are not extended backwards; --as-of computes for display.",
    ),
    _fault(
        "factor.ended",
        "因子在该日期已失效且不顺延。",
        "The factor has ended by that day and is not carried forward.",
        "请等待新因子发布。",
        "Wait for its successor.",
    ),
    _fault(
        "factor.not_yet",
        "该因子尚不可用。",
        "The factor cannot be used yet.",
        "原因见 detail 列。",
        "The column detail says why.",
    ),
    _fault(
        "factor.display_only",
        "该因子只供展示，不可签发。",
        "The factor is for display only and cannot issue.",
        "原因见 detail 列；可用 --demonstration 试算。",
        "The column detail says why; --demonstration computes it for display.",
    ),
    _fault(
        "record.conflict",
        "该编号已用于另一条内容不同的记录。",
        "This id already stands for another record with other content.",
        "请换一个编号；若要更正原记录，请用 carbon correct。",
        "Give it an id of its own; to correct the earlier record use carbon correct.",
    ),
    _fault(
        "duplicate.suspected",
        "疑似与另一条记录为同一行为（同一物品，或同一双方、同类物品、相近日期与质量）。",
        "It seems to be one act with another record: the same item, or the same parties, item type, "
        "nearby day and mass.",
        "若确为另一件物品，请填写各自的 item_id；否则请删去。",
        "If it is another piece, give each its item_id; otherwise remove it.",
    ),
)

_LOG = (
    _fault(
        "leaf.too_large",
        "日志条目为 {size} 字节，上限 {limit} 字节。",
        "A leaf of {size} bytes is over the limit of {limit}.",
        "请拆分内容，或改为批量提交，条目只存其摘要。",
        "Split it, or submit it in bulk, where the leaf holds a digest only.",
    ),
    _fault(
        "tile.malformed",
        "日志文件 {path} 的内容与其位置不符（{reason}）。",
        "The log file {path} does not fit its place ({reason}).",
        "请重新下载；仍不符则日志已损坏，请告知运营方。",
        "Fetch it again; if it stays so the log is damaged: tell its operator.",
    ),
    _fault(
        "note.malformed",
        "签名文本格式有误（{reason}）。",
        "The signed note is malformed ({reason}).",
        "请使用未经编辑的原文件。",
        "Use the original file, byte for byte.",
    ),
    _fault(
        "note.key",
        "公钥 {key} 格式有误。",
        "{key} is not a key that can check notes.",
        "请从公布处完整复制：名称+编号+base64。",
        "Copy it whole from where it is published: name+id+base64.",
    ),
    _fault(
        "note.signature",
        "{name} 的签名无效。",
        "The signature by {name} is wrong.",
        "内容或签名被改动，请勿信任。",
        "Text or signature was changed: do not trust it.",
    ),
    _fault(
        "note.unsigned",
        "没有所信任密钥的签名。",
        "No trusted key has signed it.",
        "请核对公钥是否属于这一日志；否则请勿信任。",
        "Check that the key is this log's; otherwise do not trust it.",
    ),
    _fault(
        "checkpoint.malformed",
        "检查点格式有误（{reason}）。",
        "The checkpoint is malformed ({reason}).",
        "检查点只有三行：日志名称、条目数、根哈希。",
        "It has three lines: origin, number of leaves, root hash.",
    ),
    _fault(
        "checkpoint.origin",
        "检查点属于日志 {origin}，而非 {expected}。",
        "The checkpoint is of the log {origin}, not of {expected}.",
        "请使用所信任日志的检查点。",
        "Use a checkpoint of the log you trust.",
    ),
    _fault(
        "proof.malformed",
        "日志证明格式有误（{reason}）。",
        "The log proof is malformed ({reason}).",
        "请使用未经编辑的原文件。",
        "Use the original file, byte for byte.",
    ),
    _fault(
        "proof.wrong",
        "证明不成立：内容不是日志的第 {index} 条（从 0 计）。",
        "The proof fails: this is not leaf {index} of the log (counted from 0).",
        "内容或证明被改动，请勿信任。",
        "Leaf or proof was changed: do not trust it.",
    ),
)

_FORMULAS = (
    _fault(
        "formula.invalid",
        "公开的公式不能计算：{value}。",
        "The published formula cannot be evaluated: {value}.",
        "请核对公式与该行的输入（docs/receipts.md 第 4 节）。",
        "Check the formula and the row's inputs (docs/receipts.en.md, section 4).",
    ),
)

_STORE = ()

#: Every fault by its code.
FAULTS: Final[dict[str, Fault]] = {
    f.code: f for f in (*_FILES, *_FACTORS, *_FORMULAS, *_RECORDS, *_STORE, *_LOG)
}

#: Codes a record can be rejected with, in the order they are documented.
RECORD_CODES: Final[tuple[str, ...]] = tuple(f.code for f in _RECORDS)
