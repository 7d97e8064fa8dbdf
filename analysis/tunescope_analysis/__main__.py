"""`python -m tunescope_analysis` is `tunescope-report`."""

import sys

from tunescope_analysis.cli import main

sys.exit(main())
