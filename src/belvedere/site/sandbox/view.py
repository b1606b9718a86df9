"""The few places that a confined Python process may read: the interpreter, its libraries and this package. No data folder."""

import os
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path

import belvedere

_SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/lib32",
    "/bin",
    "/sbin",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ssl/openssl.cnf",
)


@lru_cache(maxsize=1)
def readable_paths() -> tuple[Path, ...]:
    """Existing paths, each needed to run Python with Belvedere in it. Links in the list are followed by their target."""
    package = Path(belvedere.__file__).resolve().parent
    wanted = [Path(name) for name in _SYSTEM]
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}:
        wanted += [Path(prefix, name) for name in ("bin", "lib", "lib64", "pyvenv.cfg")]
    wanted += [Path(path) for path in (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")) if path]
    wanted.append(package)
    found: list[Path] = []
    for path in wanted:
        if not path.exists() or any(path == kept or kept in path.parents for kept in found):
            continue
        found.append(path)
    return tuple(found)


def interpreter_path() -> list[str]:
    """Folders that the child must have on its `sys.path` beside its own: where this package lies, when not installed."""
    return [str(Path(belvedere.__file__).resolve().parent.parent)]


def environment(*names: str) -> dict[str, str]:
    """The child's whole environment: nothing is inherited but `names`, above all no http_proxy and no settings."""
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(interpreter_path()), **kept}
