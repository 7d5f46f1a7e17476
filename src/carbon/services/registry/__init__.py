"""The registry: decisions of named roles, from a project's design to a retired credit."""
