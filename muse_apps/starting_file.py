"""The `muse.toml` that `muse init` writes."""

from datetime import date

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from muse_resources.templates import template_folder


def starting_file(start: date) -> str:
    """A commented, valid muse.toml whose log begins on that day."""
    environment = Environment(
        loader=FileSystemLoader(template_folder("workspace")),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        variable_start_string="<<",
        variable_end_string=">>",
    )
    return environment.get_template("muse.toml.j2").render(start_date=start.isoformat())
