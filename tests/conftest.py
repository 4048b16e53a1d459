"""Sets one thread for NumPy before it is imported, as more are slower on small matrices, and registers environments."""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import environments  # noqa: E402, F401
