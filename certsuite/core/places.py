"""Where the project's folders are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"The checkout that holds ``testcases/``, ``device_profiles/`` and ``reports/`` beside the package."
TESTCASES = ROOT / "testcases"
PROFILES = ROOT / "device_profiles"
REPORTS = ROOT / "reports"
FAR_END = ROOT / "pstn" / "far_end.py"
"The program at the far end of PSTN calls."
