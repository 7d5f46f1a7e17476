"""Make the pictures of the README and docs from a demo run; needs Chromium (Debian: chromium)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
SHOTS = (
    ("zh", "report-zh.png", 960, 1500),
    ("en", "report-en.png", 960, 1500),
    ("zh", "report-phone-zh.png", 500, 2200),
    ("en", "report-phone-en.png", 500, 2200),
)
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def main() -> int:
    """Quantify the demo month in both languages and photograph the reports."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    month = ROOT / "demo" / "simulated-month.parquet"
    if chromium is None or not month.is_file():
        print("needs chromium, and `make demo SERVE=0` first", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        for lang in ("zh", "en"):
            command = [sys.executable, "-m", "carbon", "quantify", str(month), "--json"]
            subprocess.run(
                [*command, "--out", f"{work}/{lang}"],
                env={**os.environ, "CARBON_LANG": lang},
                stdout=subprocess.DEVNULL,
                check=True,
            )
        for lang, name, width, height in SHOTS:
            subprocess.run(
                [
                    chromium,
                    *QUIET,
                    f"--user-data-dir={work}/profile",
                    f"--window-size={width},{height}",
                    f"--screenshot={IMAGES / name}",
                    f"file://{work}/{lang}/report.html",
                ],
                stderr=subprocess.DEVNULL,
                check=True,
                timeout=60,
            )
            print(IMAGES / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
