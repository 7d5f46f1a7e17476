"""Emission factors (排放因子): dated tables, their evidence, and how a day finds its row."""
