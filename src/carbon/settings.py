"""Settings from the environment, read once, frozen."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from carbon.domain.errors import Lang


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says; docs/store.md lists all variables.

    ``home``: where everything lives that has no place of its own; ``database``: URL the
    application connects with, ``owner``: the one migrations use; ``log``: the public folder;
    ``spool``: private, on the log's file system; ``keys``: secrets, backed up apart;
    ``demonstration``: pilot units may be transferred, and the clock may be set to a ``moment``;
    ``demo``: a folder of results that it shows; ``metrics_token``: who has it may read the metrics,
    empty for nobody; ``metrics_folder``: where several processes put theirs together; ``backups``:
    where the worker's backups go;
    ``sms_sender``: ``module:factory`` of what sends codes; ``public_url``: where browsers find us;
    ``oidc_*``: the provider of single sign-on and how we are registered there, empty without one.
    """

    lang: Lang
    factors: Path
    debug: bool
    database: str
    owner: str
    log: Path
    spool: Path
    keys: Path
    digest: str
    demonstration: bool
    moment: str | None
    demo: Path | None
    metrics_token: str
    metrics_folder: Path | None
    backups: Path
    sms_sender: str
    public_url: str
    oidc_issuer: str
    oidc_client: str
    oidc_secret: str

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Chinese unless the environment asks for another language."""
        wanted = environment.get("CARBON_LANG", "zh").lower()
        folder = environment.get("CARBON_FACTORS")
        home = Path(environment.get("CARBON_HOME", "carbon-home"))
        database = environment.get("CARBON_DATABASE_URL", f"sqlite:///{home / 'carbon.db'}")
        demonstration = environment.get("CARBON_DEMONSTRATION") == "1"
        shown = demonstration and "CARBON_DEMO" in environment
        metrics = environment.get("PROMETHEUS_MULTIPROC_DIR")
        return cls(
            lang="en" if wanted.startswith("en") else "zh",
            factors=Path(folder) if folder else shipped_factors(),
            debug=environment.get("CARBON_DEBUG") == "1",
            database=database,
            owner=environment.get("CARBON_DATABASE_OWNER_URL", database),
            log=Path(environment.get("CARBON_LOG", home / "log")),
            spool=Path(environment.get("CARBON_SPOOL", home / "spool")),
            keys=Path(environment.get("CARBON_KEYS", home / "keys")),
            digest=environment.get("CARBON_DIGEST", "sha256"),
            demonstration=demonstration,
            moment=environment.get("CARBON_NOW") if demonstration else None,
            demo=Path(environment["CARBON_DEMO"]) if shown else None,
            metrics_token=environment.get("CARBON_METRICS_TOKEN", ""),
            metrics_folder=Path(metrics) if metrics else None,
            backups=Path(environment.get("CARBON_BACKUPS", home / "backups")),
            sms_sender=environment.get("CARBON_SMS_SENDER", ""),
            public_url=environment.get("CARBON_PUBLIC_URL", "").rstrip("/"),
            oidc_issuer=environment.get("CARBON_OIDC_ISSUER", ""),
            oidc_client=environment.get("CARBON_OIDC_CLIENT", ""),
            oidc_secret=environment.get("CARBON_OIDC_SECRET", ""),
        )


def shipped_factors() -> Path:
    """The factor tables that came with the program: inside the wheel, or in the checkout."""
    package = Path(__file__).parent
    installed = package / "factors"
    return installed if installed.is_dir() else package.parents[1] / "factors"
