"""`lampyris detectors`."""

from typing import Annotated

from rich.table import Table

from lampyris.cli._common import AS_JSON, console, guarded, print_json


@guarded
def list_detectors(as_json: Annotated[bool, AS_JSON] = False) -> None:
    """List the detectors that `lampyris simulate --detector NAME` knows.

    Example: lampyris detectors
    """
    from lampyris import catalog

    if as_json:
        print_json({"detectors": catalog.summaries()})
        return
    table = Table("detector", "what it is", title="Detectors")
    for name, line in catalog.summaries().items():
        table.add_row(name, line)
    console().print(table)
