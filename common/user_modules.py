"""Modules of the user's project, kept apart from this server's own.

Both live in one interpreter, where `store` or `runs` can be one module only. So a module of the
user's is imported under its own name where that name is free, and otherwise under a private one;
and each module of the user's gets an `__import__` of its own that finds the private ones by the
names that the user wrote. The private name tells the file's place in the project: checkpoints
name classes by it. Out of reach is `importlib.import_module("store")`, which gives the server's.
"""

from __future__ import annotations

import builtins
import importlib
import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

logger = logging.getLogger(__name__)

SERVER_DIRECTORY = Path(__file__).resolve().parent.parent
PRIVATE = "project__"
_INSTALLED = {"site-packages", "dist-packages"}


class UserModules(MetaPathFinder):
    """The directories and modules of one project, as a finder on `sys.meta_path`."""

    def __init__(self) -> None:
        self._directories: list[Path] = []
        self._added: list[str] = []
        self._homes: dict[str, Path] = {}
        """Top-level name of each module of the user's → the directory it was found in."""
        self._private: dict[str, Path] = {}
        """Private top-level name → the module's file, or the package's directory."""
        self._resolved: dict[tuple[str, Path], str | None] = {}
        self._set_aside: dict[str, ModuleType] = {}

    def install(self) -> None:
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
            sys.modules.update(self._set_aside)
            self.add_directories(self._directories)

    def uninstall(self) -> None:
        """Leave the interpreter as if nothing of the user's had been imported."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        sys.path[:] = [entry for entry in sys.path if entry not in self._added]
        self._added.clear()
        names = [name for name in sys.modules if self.owns(name)]
        self._set_aside = {name: sys.modules.pop(name) for name in names}

    def add_directories(self, directories: Sequence[Path]) -> None:
        """Append to `sys.path`: what is installed comes first, as on the platform."""
        for directory in directories:
            if directory not in self._directories:
                self._directories.append(directory)
            if str(directory) not in sys.path:
                sys.path.append(str(directory))
                self._added.append(str(directory))
        self._resolved.clear()
        # A file written a moment ago may be younger than a listing of its directory.
        importlib.invalidate_caches()

    def owns(self, name: str) -> bool:
        """Tell whether a module of this name is the user's."""
        return name.partition(".")[0] in self._homes

    def finds(self, top: str) -> bool:
        """Tell whether the project has a top-level module of this name."""
        return any(_find(top, directory) for directory in self._directories)

    def public_name(self, name: str) -> str:
        """Return a module's name as the user wrote it."""
        top, dot, rest = name.partition(".")
        if top in self._private:
            top = self._private[top].name.removesuffix(".py")
        return top + dot + rest

    def name_of_file(self, file: Path) -> str:
        """Return the name to import a file by: its package's, or a private one of its own."""
        home, parts = file.parent, [file.stem]
        while (home / "__init__.py").exists():
            parts.insert(0, home.name)
            home = home.parent
        if len(parts) == 1:
            return self._loaded_as(file) or self._make_private(file, home)
        if parts[-1] == "__init__":
            parts.pop()
        if not parts[0].isidentifier():
            # No import statement can name such a package; relative imports in it still work.
            package = home / parts[0]
            parts[0] = self._loaded_as(package) or self._make_private(package, home)
        self.add_directories([home])
        return self.name_of_module(".".join(parts), home)

    def name_of_module(self, name: str, home: Path) -> str:
        """Return the name to import `package.module` by, as code in `home` would mean it."""
        top, dot, rest = name.partition(".")
        return (self._resolve(top, home) or top) + dot + rest

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002 -- the signature is importlib's
    ) -> ModuleSpec | None:
        top = fullname.partition(".")[0]
        if path is not None:
            spec = PathFinder.find_spec(fullname, path) if top in self._homes else None
        elif fullname in self._private:
            spec = _private_spec(fullname, self._private[fullname])
        else:
            spec = self._own_spec(fullname)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _UserLoader(fullname, spec.loader.path, self)
        return spec

    def _own_spec(self, name: str) -> ModuleSpec | None:
        """Find a top-level module that is the user's, and nobody else's by that name."""
        for directory in self._directories:
            location = _find(name, directory)
            if location is None:
                continue
            spec = PathFinder.find_spec(name)
            if location != _location(spec) or _is_server(location):
                return None
            self._homes[name] = directory
            return spec
        return None

    def _resolve(self, top: str, home: Path) -> str | None:
        """Return the private name that `top` has for code in `home`; None when its own will do."""
        key = (top, home)
        if key not in self._resolved:
            self._resolved[key] = self._decide(top, home)
        return self._resolved[key]

    def _decide(self, top: str, home: Path) -> str | None:
        if top in sys.stdlib_module_names or top in self._private:
            return None
        for directory in dict.fromkeys([home, *self._directories]):
            location = _find(top, directory)
            if location is None:
                continue
            plain = _plain_location(top)
            if loaded := self._loaded_as(location):
                return loaded if loaded != top else None
            if plain == location or (plain is not None and not self._yields(plain)):
                return None
            return self._make_private(location, directory)
        return None

    def _yields(self, plain: Path) -> bool:
        """Tell whether a module gives way to the user's: this server's, or another directory's."""
        if _INSTALLED & set(plain.parts):
            return False
        return _is_server(plain) or any(
            plain.is_relative_to(directory) for directory in self._directories
        )

    def _loaded_as(self, location: Path) -> str | None:
        """Return the top-level name under which a file is already known."""
        for name, known in self._private.items():
            if known == location:
                return name
        own = location.stem
        if own in self._homes and _plain_location(own) == location:
            return own
        return None

    def _make_private(self, location: Path, home: Path) -> str:
        base = self._directories[0] if self._directories else home
        shown = location.stem if location.is_file() else location.name
        relative = Path(os.path.relpath(location.parent, base), shown)
        name = PRIVATE + "__".join(re.sub(r"\W", _hexadecimal, part) for part in relative.parts)
        while self._private.get(name, location) != location:
            name += "_"
        self._private[name] = location
        self._homes[name] = home
        if is_server_module(shown):
            logger.info("the project's own module %s is kept apart from the server's", shown)
        return name

    def import_for(
        self,
        top_name: str,
        name: str,
        scope: tuple[Mapping[str, object] | None, Mapping[str, object] | None],
        fromlist: Sequence[str],
        level: int,
    ) -> Any:
        """Import as code in the module `top_name` means it (`__import__`)."""
        if level == 0:
            name = self.name_of_module(name, self._homes[top_name])
        return builtins.__import__(name, *scope, fromlist, level)


class _UserLoader(SourceFileLoader):
    """Gives a module of the user's an `__import__` that prefers the user's modules."""

    def __init__(self, fullname: str, path: str, modules: UserModules) -> None:
        super().__init__(fullname, path)
        self._modules = modules

    def exec_module(self, module: ModuleType) -> None:
        modules, top = self._modules, module.__name__.partition(".")[0]

        def import_(
            name: str,
            globals: Mapping[str, object] | None = None,
            locals: Mapping[str, object] | None = None,
            fromlist: Sequence[str] = (),
            level: int = 0,
        ) -> Any:
            return modules.import_for(top, name, (globals, locals), fromlist, level)

        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": import_}
        super().exec_module(module)


def _private_spec(name: str, location: Path) -> ModuleSpec | None:
    if location.is_file():
        return spec_from_file_location(name, location, loader=SourceFileLoader(name, str(location)))
    init = location / "__init__.py"
    if init.is_file():
        return spec_from_file_location(
            name,
            init,
            loader=SourceFileLoader(name, str(init)),
            submodule_search_locations=[str(location)],
        )
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(location)]
    return spec


def _find(top: str, directory: Path) -> Path | None:
    return _location(PathFinder.find_spec(top, [str(directory)]))


def _plain_location(top: str) -> Path | None:
    """Return where a plain `import top` comes from."""
    loaded = sys.modules.get(top)
    spec = getattr(loaded, "__spec__", None) if loaded else PathFinder.find_spec(top)
    return _location(spec)


def _location(spec: ModuleSpec | None) -> Path | None:
    """Return a module's file, or the directory of a package."""
    if spec is None:
        return None
    if spec.submodule_search_locations is not None:
        found = list(spec.submodule_search_locations)
        return Path(found[0]).resolve() if found else None
    return Path(spec.origin).resolve() if spec.origin and spec.has_location else None


def is_server_module(top: str) -> bool:
    """Tell whether this server has a top-level module of this name."""
    return _find(top, SERVER_DIRECTORY) is not None


def _is_server(location: Path | None) -> bool:
    return location is not None and location.parent == SERVER_DIRECTORY


def _hexadecimal(match: re.Match[str]) -> str:
    return f"_{ord(match[0]):x}_"
