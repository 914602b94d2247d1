"""Onramp's programs in processes of their own, forked from one that has imported what they import.

The programs are the real ones: what differs from a start by the shell is only that 3 s of imports are done already.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = multiprocessing.get_context("forkserver")
PROGRAMS.set_forkserver_preload(["tests.preloaded"])


def start_streamlit(script: Path, port: int, log: Path, environment: Mapping[str, str]) -> BaseProcess:
    """Run `streamlit run SCRIPT` on a port; `log` gets what it prints."""
    words = ["streamlit", "run", str(script), f"--server.port={port}", "--server.headless=true"]
    process = PROGRAMS.Process(target=_run_streamlit, args=(words, log, {**os.environ, **environment}))
    process.start()
    return process


def _run_streamlit(words: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
    from streamlit.web.cli import main

    become(log, environment)
    sys.argv = list(words)
    main()


def become(log: Path, environment: Mapping[str, str]) -> None:
    """Take the surroundings that a process started by the shell would have."""
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # it may be another in this environment
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for standard in (1, 2):
        os.dup2(out, standard)
    os.close(out)
