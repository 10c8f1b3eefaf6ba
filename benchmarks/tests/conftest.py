"""The benchmarks are scripts: their folder is what they import from."""

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parent.parent
sys.path.insert(0, str(BENCHMARKS))
# The fault proxy of the storage tests.
sys.path.append(str(BENCHMARKS.parent / "integration-tests"))
# The cluster that the controller is measured in.
sys.path.append(str(BENCHMARKS.parent / "integration-tests" / "kubernetes"))
