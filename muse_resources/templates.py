"""Where the templates lie: in the checkout, or inside the installed package."""

from pathlib import Path


def template_folder(name: str) -> Path:
    """Folder `templates/<name>`. Raises FileNotFoundError."""
    here = Path(__file__).resolve().parent
    for root in (here.parent / "templates", here / "_templates"):
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(f"templates/{name} is missing from this installation: install Muse again")
