"""The one place that knows all parts: joins services to adapters.

``runs``: work on files, without a store. ``system``: everything with a store and a log.
"""

from carbon.bootstrap.runs import (
    QuantifyRequest,
    load_catalogue,
    run_explain,
    run_quantify,
    run_simulate,
)
from carbon.bootstrap.system import IngestRequest, System

__all__ = [
    "IngestRequest",
    "QuantifyRequest",
    "System",
    "load_catalogue",
    "run_explain",
    "run_quantify",
    "run_simulate",
]
