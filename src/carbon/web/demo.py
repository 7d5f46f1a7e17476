"""What only a demonstration shows: the messages that nobody's phone gets."""

from __future__ import annotations

from html import escape
from typing import Final

from litestar import MediaType, Router, get
from litestar.di import NamedDependency

from carbon.bootstrap.system import System
from carbon.domain.roles import PUBLIC
from carbon.web.guards import PERMISSION

_PAGE: Final = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>演示短信 Messages · 碳普惠</title>
</head>
<body>
<h1>演示短信 Messages of the demonstration</h1>
<ul>
{}
</ul>
</body>
</html>
"""


@get("/outbox", media_type=MediaType.HTML, sync_to_thread=True)
def outbox(system: NamedDependency[System]) -> str:
    """Codes that were sent, the newest first."""
    lines = (
        f"{one['at']} {one['phone']} {one['code']}" for one in system.accounts.outbox.messages()
    )
    return _PAGE.format("\n".join(f"<li>{escape(line)}</li>" for line in lines))


#: Served in a demonstration only.
demo = Router("/demo", route_handlers=[outbox], opt={PERMISSION: PUBLIC}, include_in_schema=False)
