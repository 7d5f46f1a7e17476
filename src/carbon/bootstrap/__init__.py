"""The one place that knows all parts: joins services to adapters.

``runs``: work on files, without a store. ``system``: everything with a store and a log, loaded only
by what needs it: a database's libraries take as long to load as a small file takes to quantify.
"""
