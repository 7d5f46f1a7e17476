"""Double entry: one transfer is one debit and one credit of one asset, grouped by a journal."""
