"""What Onramp's programs import, for the process that they are forked from: see `programs.py`."""

import gc
import os
import sys
from importlib import import_module

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process with threads is not to be forked

for name in (
    "core.http.process",
    "core.http.profile_question",
    "core.http.tracking",
    "core.setup.guided_setup",
    "pandas",
    "streamlit.web.bootstrap",
    "streamlit.web.cli",
    "tests.crash.work",
):
    import_module(name)

assert "core.assets" not in sys.modules, "it reads the environment, which is that of the program that is started"
gc.freeze()  # what is forked has nothing to look through when it collects garbage, and copies no memory for it
