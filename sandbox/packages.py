"""Third-party packages that programs may import: found here, shown inside the jail, and nothing else beside
them.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from pathlib import Path

from sandbox.records import SandboxError


def locate(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files of packages and of everything they depend on, and the directories that Python looks in.

    Args:
      names: import names such as `numpy`.

    Raises:
      SandboxError: one of them is not installed here, or is no third-party package.
    """
    for name in names:
        if not name.isidentifier():
            raise SandboxError(
                f"package {name!r} is no name of a package; give one that `import` takes, without dots"
            )
        if name in sys.stdlib_module_names:
            raise SandboxError(
                f"package {name!r} is of the standard library, which programs have; leave it out"
            )
    files: set[str] = set()
    roots: set[str] = set()
    distributions = importlib.metadata.packages_distributions()
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            if name in names:
                raise SandboxError(
                    f"package {name!r} is not installed in this environment; install it or leave it out"
                )
            continue
        origin = Path(spec.origin)
        place = origin.parent if spec.submodule_search_locations else origin
        files.add(str(place))
        roots.add(str(place.parent))
        libraries = place.parent / f"{name}.libs"  # where wheels keep their shared libraries
        if libraries.is_dir():
            files.add(str(libraries))
        for distribution in distributions.get(name, ()):
            waiting.extend(_requirements(distribution, distributions))
    return tuple(sorted(files)), tuple(sorted(roots))


def _requirements(distribution: str, distributions: object) -> list[str]:
    """Import names of what a distribution needs unconditionally."""
    wanted = []
    for requirement in importlib.metadata.requires(distribution) or ():
        if "extra ==" in requirement:
            continue
        name = requirement.split(";")[0]
        for mark in "<>=!~[( ":
            name = name.split(mark)[0]
        wanted.append(name.lower().replace("-", "_"))
    known = {
        dist.lower().replace("-", "_"): module
        for module, dists in distributions.items()  # type: ignore[attr-defined]
        for dist in dists
    }
    return [known[name] for name in wanted if name in known]
