"""The store of facts and parties: SQLite embedded, PostgreSQL in production, one schema."""
