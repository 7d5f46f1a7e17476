"""Submissions as tables: CSV, XLSX and Parquet, mapped to canonical columns."""

from carbon.adapters.tabular.mapping import Mapping, read_mapping
from carbon.adapters.tabular.source import open_source

__all__ = ["Mapping", "open_source", "read_mapping"]
