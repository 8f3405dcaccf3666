"""The first picture of a cold process through cganx.runtime.

first_picture_cganx.py FILE
"""

import os
import sys

from cganx import runtime

generator = runtime.load(sys.argv[1], device="cpu")
pixels = generator.generate(1, seeds=0)
os.write(1, pixels.tobytes())
