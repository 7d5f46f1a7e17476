"""The API's own description: OpenAPI 3.1, with permissions and problems, and a page to read it."""

from __future__ import annotations

from copy import deepcopy
from importlib.metadata import version
from typing import Any, Final

import msgspec
from litestar import Litestar, MediaType, Request, Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, Reference, SecurityScheme, Tag
from litestar.routes import HTTPRoute

from carbon.domain.roles import PERMISSIONS, PUBLIC
from carbon.web.guards import PERMISSION

TITLE: Final = "碳普惠 Carbon Inclusion"
_DESCRIPTION: Final = (
    "二手流通减排量的核算、核查、登记与公开日志。写操作的编号由客户端生成：同一编号同一内容得到同一答复，"
    "内容不同则为 409。错误为 RFC 9457 problem+json，含中英文与稳定代码（/errors/代码）。\n\n"
    "Quantification, verification, registry and public log of avoided CO2. Clients make the ids of "
    "what they write: same id and body, same answer; another body is 409. Errors are RFC 9457 "
    "problems in both languages with stable codes (/errors/CODE)."
)
#: Parts of the API, in the order they are shown.
TAGS: Final = {
    "records": "活动记录与可复算小票 / activity records and replay receipts",
    "uploads": "上传 / uploads",
    "catalogue": "因子与方法学 / factors and methodologies",
    "registry": "项目、报告、声明、减排量 / projects, reports, statements, credits",
    "decisions": "签名的决定 / signed decisions",
    "verification": "核查 / verification",
    "ledger": "账本 / ledger",
    "log": "透明日志 / transparency log",
    "accounts": "账户与会话 / accounts and sessions",
    "operations": "任务与状态 / jobs and health",
}
_SECURITY: Final[dict[str, SecurityScheme | Reference]] = {
    "session": SecurityScheme(
        type="http", scheme="bearer", description="登录后的会话令牌 / token of a session"
    ),
    "cookie": SecurityScheme(
        type="apiKey", security_scheme_in="cookie", name="__Host-carbon", description="浏览器会话"
    ),
    "hmac": SecurityScheme(
        type="apiKey",
        security_scheme_in="header",
        name="Authorization",
        description="HMAC-SHA256 签名的请求，见 docs/accounts / signed requests",
    ),
}
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "code", "messages"],
    "properties": {
        "type": {"type": "string", "examples": ["/errors/access.denied"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "examples": ["access.denied"]},
        "fix": {"type": "string"},
        "messages": {
            "type": "object",
            "properties": {"zh": {"type": "string"}, "en": {"type": "string"}},
        },
        "values": {"type": "object"},
        "instance": {"type": "string"},
    },
}
_ANSWER: Final = {
    "description": "问题 / problem",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_METHODS: Final = ("get", "put", "post", "patch", "delete")


def described(app: Litestar, schema: dict[str, Any]) -> dict[str, Any]:
    """The framework's description with what it does not know: permissions, roles, problems."""
    schema = deepcopy(schema)
    components = schema["components"].setdefault("schemas", {})
    for component in components.values():
        if "properties" in component:
            component.setdefault("additionalProperties", False)  # ours take no unknown members
    components["Problem"] = _PROBLEM
    named = _permissions(app)
    for path, item in schema["paths"].items():
        for method in _METHODS:
            if method in item:
                _describe(item[method], named[path, method.upper()])
    return schema


def _permissions(app: Litestar) -> dict[tuple[str, str], str]:
    return {
        (route.path_format, method): handler.opt[PERMISSION]
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
        if PERMISSION in handler.opt
    }


def _describe(operation: dict[str, Any], permission: str) -> None:
    operation["x-permission"] = permission
    if permission == PUBLIC:
        operation["security"] = []
    else:
        reaches = PERMISSIONS[permission]
        operation["x-roles"] = {role.value: reach.value for role, reach in reaches.items()}
        operation["security"] = [{name: []} for name in _SECURITY]
    # Ours, in the place of the framework's form of errors.
    kept = {s: r for s, r in operation["responses"].items() if s.startswith(("2", "3"))}
    operation["responses"] = {**kept, "4XX": _ANSWER, "5XX": _ANSWER}


class _Document(OpenAPIRenderPlugin):
    """The document itself, made once."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=MediaType.JSON)
        self._made: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """As JSON."""
        if self._made is None:
            self._made = msgspec.json.encode(described(request.app, openapi_schema))
        return self._made


_PAGE: Final = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>接口文档 API · 碳普惠</title>
<link rel="icon" href="/assets/icon.svg">
<link rel="stylesheet" href="/assets/vendor/swagger-ui/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<noscript><p>此页需要 JavaScript；接口描述见 <a href="/api/openapi.json">openapi.json</a>。
This page needs JavaScript; the description itself is a plain file.</p></noscript>
<script src="/assets/vendor/swagger-ui/swagger-ui-bundle.js"></script>
<script src="/assets/api.js"></script>
</body>
</html>
"""


class _DocsPage(OpenAPIRenderPlugin):
    """A page that shows the document, with our own assets only."""

    def __init__(self) -> None:
        super().__init__(path="/docs", media_type=MediaType.HTML)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002  the framework's signature
        """The page."""
        return _PAGE.encode()


def openapi_config() -> OpenAPIConfig:
    """Where the description is served: ``/api/openapi.json``, and ``/api/docs`` to read it."""
    return OpenAPIConfig(
        title=TITLE,
        version=version("carbon-inclusion"),
        description=_DESCRIPTION,
        components=Components(security_schemes=_SECURITY),
        tags=[Tag(name=name, description=text) for name, text in TAGS.items()],
        use_handler_docstrings=True,
        openapi_router=Router(
            "/api", route_handlers=[], include_in_schema=False, opt={PERMISSION: PUBLIC}
        ),
        render_plugins=[_Document(), _DocsPage()],
    )
