"""Monitoring, reporting and verification (监测、报告、核查) of a period."""
