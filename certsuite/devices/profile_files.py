"""Where profiles are: files in a folder, and in its folders of vendors."""

from __future__ import annotations

from pathlib import Path

from certsuite.core.errors import ProfileError
from certsuite.devices import placeholders


def find_profile(name_or_path: str, search: Path) -> Path:
    """The file of a profile. Raises :class:`~certsuite.core.errors.ProfileError` naming what there is instead."""
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        file = Path(name_or_path)
        if not file.is_file():
            raise ProfileError("there is no such profile file", file=name_or_path)
        return file
    known = {file.stem: [] for file in profile_files(search)}  # type: dict[str, list[Path]]
    for file in profile_files(search):
        known[file.stem].append(file)
    if name_or_path not in known:
        names = ", ".join(sorted(known)) or "none"
        hint = placeholders.suggestion(name_or_path, known)
        raise ProfileError(f"there is no profile of this name{hint}; known profiles: {names}", file=name_or_path)
    files = known[name_or_path]
    if len(files) > 1:
        raise ProfileError(f"several profiles have this name: {', '.join(map(str, files))}", file=name_or_path)
    return files[0]


def profile_files(search: Path) -> list[Path]:
    """All profiles in a folder and in its folders of vendors, in the order of their names."""
    return sorted([*search.glob("*.yaml"), *search.glob("*/*.yaml")])
