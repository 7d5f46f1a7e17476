"""The door for browsers and programs: REST API and pages over the services."""
