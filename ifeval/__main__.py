"""``python -m ifeval``: score, list or check."""

import sys

from ifeval.cli import main

sys.exit(main())
