"""Faults of uploads."""

from __future__ import annotations

from carbon.domain.errors.fault import fault

FAULTS = (
    fault(
        "upload.unknown",
        "没有编号为 {id} 的上传。",
        "There is no upload {id}.",
        "编号由本单位创建时所用为准；只能查看本单位的上传。",
        "Use the id it was created under; only uploads of one's own organisation are shown.",
    ),
    fault(
        "upload.size",
        "文件大小为 {size} 字节，须在 1 至 {limit} 之间。",
        "The file has {size} bytes; it must have between 1 and {limit}.",
        "请拆分文件，或改用 Parquet。",
        "Split the file, or use Parquet.",
    ),
    fault(
        "upload.offset",
        "上传 {id} 已收到 {offset} 字节，这一段不从此处开始。",
        "{offset} bytes of upload {id} have arrived; this piece begins elsewhere.",
        "请从 offset={offset} 继续。",
        "Go on from offset={offset}.",
    ),
    fault(
        "upload.overrun",
        "上传 {id} 的这一段超出所报大小 {size} 字节。",
        "This piece of upload {id} goes beyond the announced size of {size} bytes.",
        "请核对文件是否在上传期间被改动；改动后的文件用新编号上传。",
        "Check whether the file changed meanwhile; upload a changed file under a new id.",
    ),
    fault(
        "upload.digest",
        "上传 {id} 收到的内容与所报 SHA-256 不符，已清空。",
        "What arrived of upload {id} does not have the announced SHA-256; it was dropped.",
        "请从 offset=0 重新发送；文件若已改动，用新编号上传。",
        "Send it again from offset=0; upload a changed file under a new id.",
    ),
    fault(
        "upload.state",
        "上传 {id} 现为 {state}，不能这样操作。",
        "Upload {id} is {state}; that cannot be done with it now.",
        "请按当前状态操作：先传完，再试算，再入库；处理中的请等待或取消。",
        "Go by its state: send all of it, check it, commit it; wait for one at work, or cancel it.",
    ),
    fault(
        "upload.too_many",
        "本单位已有 {count} 个未结束的上传，上限 {limit} 个。",
        "Your organisation has {count} uploads that have not ended; the limit is {limit}.",
        "请先入库或取消其中一些。",
        "Commit or cancel some of them first.",
    ),
    fault(
        "upload.space",
        "上传文件共占 {held} 字节，再收 {size} 字节会超过上限 {limit}。",
        "Uploaded files take {held} bytes; another {size} would exceed the limit of {limit}.",
        "请取消不用的上传，或等旧文件到期删除（30 天）。",
        "Cancel uploads you do not need, or wait until old files expire after 30 days.",
    ),
    fault(
        "upload.lost",
        "上传 {id} 已被取消或由另一工作进程接手，本次不再写入。",
        "Upload {id} was cancelled or taken over by another worker; this one writes nothing more.",
        "无需处理；状态以上传本身为准。",
        "Nothing to do; the upload's own state tells what became of it.",
    ),
    fault(
        "upload.rejected",
        "上传 {id} 有 {rejected} 行被拒，未存入任何行。",
        "{rejected} rows of upload {id} were rejected; nothing was stored.",
        "请下载批注文件改正后重新上传，或以 accept_valid 存入其余行。",
        "Correct them in the annotated file and upload that, or commit with accept_valid.",
    ),
    fault(
        "upload.given_up",
        "处理上传 {id} 时工作进程已 {tries} 次中断，不再尝试。",
        "Workers were lost {tries} times over upload {id}; it is not tried again.",
        "请拆分文件，或另存后以新编号上传；仍不行请联系运营方。",
        "Split the file, or save it anew and upload that under a new id; else ask the operator.",
    ),
    fault(
        "upload.unreadable",
        "上传 {id} 无法处理：出现了意料之外的内容（参考号 {reference}）。",
        "Something in upload {id} was not expected, it cannot be read (reference {reference}).",
        "请从原程序重新导出后以新编号上传；仍不行请把参考号告诉运营方。",
        "Export it anew and upload that under a new id; else tell the operator the reference.",
    ),
    fault(
        "upload.no_annotated",
        "上传 {id} 没有批注文件：尚未试算、没有被拒的行，或已过期。",
        "Upload {id} has no annotated file: not checked, no row rejected, or expired.",
        "请先试算；文件在 30 天后删除。",
        "Check it first; files are gone after 30 days.",
    ),
)
