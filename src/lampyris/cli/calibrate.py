"""`lampyris calibrate`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lampyris.cli._common import AS_JSON, QUIET, check_output, guarded, progress, tell


@guarded
def calibrate_file(
    config: Annotated[Path, typer.Argument(help="Configuration (YAML): detector, runs or tracks, free parameters.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Detector file to write (YAML).")],
    report: Annotated[Path | None, typer.Option(help="Page of the result to write (HTML).")] = None,
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Fit parameters of the detector to runs with known lamps, to events of particles, or to both; write the calibrated detector.

    Every other command takes the result with --detector. A fit that was stopped goes on where it was: it waits in the
    output's name with .part.

    Example: lampyris calibrate laser.yaml -o calibrated.yaml
    """
    from lampyris.catalog import to_file
    from lampyris.cli._campaign import read_calibration
    from lampyris.fit import calibrate
    from lampyris.plot import save_calibration

    check_output("--output", output, config)
    if report is not None:
        check_output("--report", report, config, output)
    campaign, data = read_calibration(config)
    checkpoint = output.with_name(output.name + ".part")
    with progress(as_json or quiet) as bar:
        task = bar.add_task("calibrating", total=campaign.settings.most_iterations)

        def moved(at) -> None:
            shown = ", ".join(f"{name.rpartition('.')[2]} {value:.4g}" for name, value in list(at.values.items())[:4])
            text = f"calibrating, longest step {at.largest_step:.2g} errors: {shown}"
            bar.update(task, completed=at.iteration, description=text)

        fit = calibrate(
            campaign.detector,
            data.runs,
            campaign.free,
            tracks=data.tracks,
            key=campaign.key,
            settings=campaign.settings,
            report=moved,
            checkpoint=checkpoint,
        )
    told = summary(fit)
    to_file(output, fit.value, campaign.base, told | {"channel_errors": _rounded(fit.channel_errors)})
    checkpoint.unlink(missing_ok=True)
    if report is not None:
        save_calibration(report, fit)
    tell({"file": str(output)} | told, f"{fit}\n{output}", as_json, quiet)


def summary(fit) -> dict[str, Any]:
    """The result as plain numbers."""
    import numpy as np

    from lampyris.catalog.detector_file import plain

    goodness = fit.goodness
    return {
        "result": fit.result,
        "values": dict(zip(fit.names, plain(fit.values), strict=True)),
        "errors": dict(zip(fit.names, plain(fit.errors), strict=True)),
        "correlation": [plain(row) for row in np.round(fit.correlation, 4)],
        "open_combinations": list(fit.open_combinations),
        "prediction_share": dict(zip(fit.names, plain(fit.prediction_share), strict=True)),
        "goodness_sigma": {
            name: plain(getattr(goodness, name)) for name in ("charge", "early", "charge_map", "early_map")
        },
        "held": {held.name: {"asked": held.asked, "error": held.error, "pull": held.pull} for held in fit.held},
        "median_channel_error": {path: plain(np.median(errors)) for path, errors in fit.channel_errors.items()},
        "statistics": {name: plain(value) for name, value in fit.statistics.items()},
    }


def _rounded(columns: dict) -> dict:
    from lampyris.catalog.detector_file import plain

    return {path: plain(values) for path, values in columns.items()}
