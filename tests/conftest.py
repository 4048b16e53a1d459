"""Sets one thread for NumPy before it is imported. The tests' matrices are small: more threads are slower."""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
