"""`lampyris plan`."""

from pathlib import Path
from typing import Annotated

import typer

from lampyris.cli._common import AS_JSON, QUIET, guarded, tell


@guarded
def plan_file(
    config: Annotated[Path, typer.Argument(help="Configuration (YAML): detector, campaigns, free parameters.")],
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Rank calibration campaigns by the errors that their data would give, before any are taken.

    Example: lampyris plan campaigns.yaml
    """
    from lampyris.cli._campaign import read_plan
    from lampyris.fit import plan

    campaign, campaigns = read_plan(config)
    ranked = plan(campaign.detector, campaigns, campaign.free, key=campaign.key, settings=campaign.settings)
    lines, told = [], []
    for expected in ranked:
        told.append({"name": expected.name, "errors": expected.errors, "channel_errors": expected.channel_errors})
        told[-1] |= {"open_combinations": list(expected.open_combinations)}
        lines.append(expected.name)
        for name, error in expected.errors.items():
            lines.append(f"  {name:<36}{expected.values[name]:>12.5g} +- {error:.2g}")
        lines += [f"  {path:<36}{'each':>12} +- {error:.2g}" for path, error in expected.channel_errors.items()]
        lines += [f"  open: {text}" for text in expected.open_combinations]
    tell({"campaigns": told}, "\n".join(lines), as_json, quiet)
