"""The REST API under ``/api/v1``: each module is a part of it, each handler one service call."""

from __future__ import annotations

from typing import Final

from litestar.types import ControllerRouterHandler

#: All parts, in the order they are documented.
HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = ()
