"""Every test imports the project's own Python as tests.…, from the top of the repository."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
