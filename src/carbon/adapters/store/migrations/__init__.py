"""The history of the schema, linear; run by the owner of the database only."""
