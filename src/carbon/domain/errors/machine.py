"""Faults of the machine the service runs on, as ``carbon doctor`` finds them."""

from __future__ import annotations

from carbon.domain.errors.fault import fault

FAULTS = (
    fault(
        "key.exposed",
        "{path} 的权限为 {mode}，他人可以读取。",
        "{path} has the permissions {mode}: others can read it.",
        "请运行 chmod 600，并查明谁可能读过；若不能排除泄露，请更换密钥。",
        "Run chmod 600 and find out who may have read it; replace the key if that is not certain.",
    ),
    fault(
        "log.late",
        "有 {count} 条事实等待公布，最久的已 {seconds} 秒。",
        "{count} facts wait to be published, the oldest for {seconds} seconds.",
        "请确认 carbon worker 在运行，并查看其 sequence 任务。",
        "Make sure that carbon worker is running, and look at its job sequence.",
    ),
    fault(
        "clock.behind",
        "本机时钟比已写下的时刻（{what}）早 {seconds} 秒。",
        "The clock is {seconds} seconds behind a moment that was written down ({what}).",
        "请校准时钟（NTP）后再启动服务。",
        "Set the clock (NTP) before the service runs again.",
    ),
    fault(
        "clock.differs",
        "本机时钟与数据库服务器相差 {seconds} 秒。",
        "The clock and the database server's differ by {seconds} seconds.",
        "请让两台机器都用 NTP 校时。",
        "Let both machines set their clocks by NTP.",
    ),
    fault(
        "disk.short",
        "{path} 所在的磁盘只剩 {free} MB，至少需要 {needed} MB。",
        "The disk of {path} has {free} MB left; {needed} MB are the least.",
        "请清理或扩大磁盘；写满后服务拒绝写入，但不会丢失已确认的内容。",
        "Free it or make it larger; a full disk refuses writes, and loses nothing acknowledged.",
    ),
    fault(
        "font.missing",
        "证书与报告所用的字体缺少字形：{letters}。",
        "The fonts of certificates and reports lack: {letters}.",
        "请重新安装依赖（pylopdf-fonts-zh-cn）。",
        "Install the dependencies again (pylopdf-fonts-zh-cn).",
    ),
    fault(
        "asset.missing",
        "网页所需的文件不全：{path}。",
        "A file that pages load is missing: {path}.",
        "请运行 make setup 重新安装。",
        "Run make setup to install it again.",
    ),
    fault(
        "job.overdue",
        "任务 {job} 应于 {due} 运行，尚未运行。",
        "The job {job} was due at {due} and did not run.",
        "请启动 carbon worker；停机期间错过的会补做一次。",
        "Start carbon worker; what was missed meanwhile is caught up once.",
    ),
    fault(
        "job.failing",
        "任务 {job} 上次失败（{code}）：{reason}",
        "The job {job} failed the last time ({code}): {reason}",
        "请按其说明处理；修复后可由 POST /api/v1/jobs 或 carbon worker --once 重做。",
        "Do as it says, then run it again by POST /api/v1/jobs or carbon worker --once.",
    ),
)
