"""Install the client libraries that the tests run, each beside the others in .clients/ (`make test` does)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "clients"
sys.path.insert(0, str(ROOT))

from frontend.build import BuildFailure, find_tools, say  # noqa: E402 - found through the line above
from tests.clients.places import BUNDLES, CLIENTS  # noqa: E402


def main() -> int:
    """Install all; a machine that cannot is told so, and skips the tests."""
    try:
        for requirements in sorted((HERE / "requirements").glob("*.txt")):
            install_python(requirements, CLIENTS / requirements.stem)
        install_node(CLIENTS / "node")
        bundle_for_browsers(CLIENTS / "node")
    except (BuildFailure, subprocess.CalledProcessError) as failure:
        say(f"FAILED: {failure}; the tests of client libraries will be skipped", to=sys.stderr)
        return 0
    (CLIENTS / ".made").touch()
    return 0


def install_python(requirements: Path, folder: Path) -> None:
    """Install the packages of `requirements` into `folder`: they need other versions of the same libraries."""
    shutil.rmtree(folder, ignore_errors=True)
    into = ["--quiet", "--target", str(folder), "-r", str(requirements)]
    uv = Path(sys.executable).with_name("uv")  # see Makefile
    if uv.exists():
        done = subprocess.run([uv, "pip", "install", "--python", sys.executable, *into], check=False)
        if done.returncode == 0:
            return
    options = ["--disable-pip-version-check", "--no-compile", "--upgrade"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *into], check=True)


def install_node(folder: Path) -> None:
    """Install the packages of tests/clients/node into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / "node" / name, folder / name)
    npm, _node = find_tools()
    npm(["ci", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])


def bundle_for_browsers(folder: Path) -> None:
    """Bundle each program of tests/clients/browser with its library, as a website that uses npm does."""
    _npm, node = find_tools()
    for program in sorted((HERE / "browser").glob("*.mjs")):
        shutil.copyfile(program, folder / program.name)  # beside node_modules, where its library is looked for
        bundle = BUNDLES / f"{program.stem}.js"
        flags = ["--bundle", "--format=iife", "--log-level=error", f"--outfile={bundle}"]
        node([str(folder / "node_modules/esbuild/bin/esbuild"), str(folder / program.name), *flags])


if __name__ == "__main__":
    sys.exit(main())
