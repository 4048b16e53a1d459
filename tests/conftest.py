"""Before NumPy is imported: the tests' matrices are small, and lose by being shared among threads."""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
