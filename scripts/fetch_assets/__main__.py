"""Entry of `python -m fetch_assets`."""

import sys

from .command import main

sys.exit(main())
