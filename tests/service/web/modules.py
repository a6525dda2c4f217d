"""What the modules that pages load need of each other."""

import re
from importlib.resources import files
from pathlib import Path

STATIC = Path(str(files("service.web"))) / "static"


def reached(module: str) -> set[str]:
    """Return the names of a module and of all that it imports."""
    found = {module}
    for name in re.findall(r'from "\./(\w+\.js)"', source(module)):
        found |= reached(name)
    return found


def source(name: str) -> str:
    """Return the text of a file."""
    return (STATIC / name).read_text(encoding="utf-8")
