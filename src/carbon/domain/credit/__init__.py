"""Credits: who decides what, projects, issuance, and what is done with issued units."""
