"""Check that a wheel holds the package's own files, all parsers and the manual page, and nothing else."""

import sys
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def expected() -> set[str]:
    """What the repository says that a wheel should hold."""
    source, parsers = REPOSITORY / "src", REPOSITORY / "parsers"
    package = {
        str(file.relative_to(source))
        for file in source.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    package.add("share/man/man1/logscan.1")
    return package | {f"logscan/parsers/{file.relative_to(parsers)}" for file in parsers.rglob("*.toml")}


def main(wheel: str) -> None:
    """Name what is missing and what is too much."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    held = {name.partition(".data/data/")[2] or name for name in names}
    missing, surplus = sorted(expected() - held), sorted(held - expected())
    if missing or surplus:
        sys.exit(f"{wheel}: missing {missing}, not expected {surplus}")
    print(f"{Path(wheel).name} holds {len(held)} files, as it should")


if __name__ == "__main__":
    main(sys.argv[1])
