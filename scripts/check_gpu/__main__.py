"""Entry of `python -m check_gpu`."""

import sys

from .command import main

sys.exit(main())
