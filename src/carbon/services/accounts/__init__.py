"""Accounts: who may act, and how they prove it."""
