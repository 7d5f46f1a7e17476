"""Write resolved_factors.json anew; its diff is the review of a factor edit."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
sys.path.insert(0, str(Path(__file__).parent))

from test_factor_tables import SNAPSHOT, resolved

from carbon.files.factor_folder import read_catalogue
from conftest import FACTORS

text = json.dumps(resolved(read_catalogue(FACTORS)), ensure_ascii=False, indent=1)
SNAPSHOT.write_text(text + "\n", encoding="utf-8")
