"""A home whose database is gone: what a restore begins with."""

from __future__ import annotations

from conftest import new_database, settings_at


def set_back(system, request, tmp_path):
    """The same home with an empty database to restore into."""
    home = system.settings
    system.close()
    if home.database.startswith("sqlite"):
        (home.log.parent / "carbon.db").unlink()
        return home
    cluster = request.getfixturevalue("cluster")
    return settings_at(home.log.parent, cluster, new_database(cluster))
