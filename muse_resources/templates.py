"""Where the templates lie: inside the installed package, or in the checkout."""

from pathlib import Path


def template_folder(name: str) -> Path:
    """Folder `templates/<name>`. Raises FileNotFoundError."""
    here = Path(__file__).resolve().parent
    # The package's own copy first: beside an installed package, a folder of that name belongs to somebody else.
    for root in (here / "_templates", here.parent / "templates"):
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(f"templates/{name} is missing from this installation: install Muse again")
