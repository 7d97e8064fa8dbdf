"""`python -m tunescope_analysis` is `tunescope-report`."""

import sys

from tunescope_analysis.command import main

sys.exit(main())
