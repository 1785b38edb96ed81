"""The rows of the tables of figures: what was measured, how its numbers read, and the command that measures it."""

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from _tell import (
    alone,
    tell_adam,
    tell_convergence,
    tell_design,
    tell_efficiencies,
    tell_forms,
    tell_identified,
    tell_joint,
    tell_light_level,
    tell_mismodelled,
    tell_precision,
    tell_ring,
    tell_rings,
    tell_scans,
    tell_starts,
    tell_times,
    tell_wavelengths,
)

Figures = dict[str, dict]


class Row(NamedTuple):
    """One line of a table: what was measured, its figures as text, and the command that measures it."""

    what: str
    tell: Callable[[Figures], str]
    command: str


def spread(values, form: str) -> str:
    """The smallest and the largest of some numbers."""
    numbers = list(values.values()) if isinstance(values, dict) else list(values)
    return f"{min(numbers):{form}} to {max(numbers):{form}}"


def muons(f: Figures) -> dict:
    return f["first_light"]["muons"]


def tell_muons(f: Figures) -> str:
    m = muons(f)
    converged = round(m["converged_fraction"] * m["events"])
    worst = max(event["vertex_cm"] for event in m["each"])
    far = "none" if m["beyond_1m"] == 0 else str(m["beyond_1m"])
    return (
        f"{converged} of {m['events']} converge; 68 % of vertices within {m['vertex_q68_cm']:.1f} cm, directions "
        f"{m['direction_q68_deg']:.2f} deg, momenta {m['momentum_q68_percent']:.1f} %; {far} beyond 1 m, the worst {worst:.0f} cm"
    )


def tell_pulls(f: Figures) -> str:
    m = muons(f)
    error = 1.0 / m["events"] ** 0.5
    return (
        f"widths {spread(m['pull_width'], '.1f')}, means {spread(m['pull_mean'], '+.1f')}; "
        f"1 and 0 are right, +- {error / 2**0.5:.2f} and {error:.2f}"
    )


def tell_sample(f: Figures) -> str:
    s = f["reconstruction"]["mu-_1000"]
    far = "none" if s["beyond_1m"] == 0 else str(s["beyond_1m"])
    return (
        f"{round(s['converged_fraction'] * s['events'])} of {s['events']} converge; 68 % of vertices within "
        f"{s['vertex_q68_cm']:.1f} +- {s['vertex_q68_error_cm']:.1f} cm, directions {s['direction_q68_deg']:.2f} +- "
        f"{s['direction_q68_error_deg']:.2f} deg, momenta {s['momentum_q68_percent']:.1f} +- "
        f"{s['momentum_q68_error_percent']:.1f} %; {far} beyond 1 m; {s['longitudinal_bias_cm']:+.1f} +- "
        f"{s['longitudinal_bias_error_cm']:.1f} cm along the track, {s['momentum_bias_percent']:+.1f} +- "
        f"{s['momentum_bias_error_percent']:.1f} % in momentum"
    )


def tell_other_samples(f: Figures) -> str:
    """Muons of other energies."""
    return "; ".join(
        f"{energy} MeV: {_resolutions(f['reconstruction'][f'mu-_{energy}'])}" for energy in (300, 600, 1500)
    )


def tell_detectors(f: Figures) -> str:
    """Particles in other detectors."""
    told = {
        "mu-_300@WCTE": "muons of 300 MeV in WCTE",
        "e-_300@WCTE": "electrons of 300 MeV in WCTE",
        "mu-_1000@HK": "muons of 1 GeV in HK",
    }
    return "; ".join(f"{words}: {_resolutions(f['reconstruction'][name])}" for name, words in told.items())


INGREDIENTS = {
    "mean plain": "averaged track, Poisson channels",
    "mean": "averaged track, dispersed",
    "range": "with its range free",
    "turns": "with turns alone",
    "bent plain": "both, Poisson channels",
    "full weight": "both, dispersed, channels in full",
    "bent": "as muons are fitted",
}


def tell_ingredients(f: Figures) -> str:
    """The same muons with and without each ingredient of the fit."""
    told = f["ingredients"]["mu-_1000"]
    parts = []
    for name, words in INGREDIENTS.items():
        s = told[name]
        pulls = s["track_pull_q68"]
        parts.append(
            f"{words}: {s['vertex_q68_cm']:.1f} cm, {s['direction_q68_deg']:.2f} deg, {s['momentum_q68_percent']:.1f} %, pulls "
            f"{min(pulls.values()):.1f} to {max(pulls.values()):.1f}"
        )
    return "; ".join(parts)


def tell_photocoverage(f: Figures) -> str:
    """Resolutions against the number of sensors."""
    rows = sorted(f["photocoverage"].values(), key=lambda s: s["sensors"])
    return "; ".join(
        f"{s['sensors']} tubes ({s['covered_percent']:.0f} % of the wall): {_resolutions(s)}" for s in rows
    )


def tell_points(f: Figures) -> str:
    """Electrons of some MeV in a scintillator."""
    s = f["reconstruction"]["e-_10@JUNO"]
    pulls = s["track_pull_rms"]
    return (
        f"{round(s['converged_fraction'] * s['events'])} of {s['events']} converge; 68 % of vertices within "
        f"{s['vertex_q68_cm']:.1f} +- {s['vertex_q68_error_cm']:.1f} cm, {s['longitudinal_bias_cm']:+.1f} +- "
        f"{s['longitudinal_bias_error_cm']:.1f} cm along the track, energies within {s['momentum_q68_percent']:.1f} +- "
        f"{s['momentum_q68_error_percent']:.1f} %, {s['momentum_bias_percent']:+.1f} +- {s['momentum_bias_error_percent']:.1f} % "
        f"in the mean; rms of pulls {pulls['energy']:.1f} in energy, {pulls['along']:.1f} along and {pulls['across']:.1f} "
        f"across, {pulls['time']:.1f} in time; {s['seconds_per_event']:.0f} s an event"
    )


def tell_bound(f: Figures) -> str:
    """What the fits themselves say they leave open."""
    s = f["reconstruction"]["mu-_1000"]["own_error_median"]
    return (
        f"energy {s['energy_percent']:.2f} %, place {s['along_cm']:.1f} cm along and {s['across_cm']:.1f} cm across in each "
        f"axis, direction {s['direction_deg']:.2f} deg in each axis"
    )


def tell_totals(f: Figures) -> str:
    """By how much predictions of the total light of single muons are off, and how the light itself varies."""
    told = f["predicted_totals"]
    off = {
        name: f"{told[name]['rms_percent']:.2f} +- {told[name]['rms_error_percent']:.2f} %"
        for name in ("averaged", "bent")
    }
    return (
        f"{off['averaged']} as if they were straight, {off['bent']} with their true bends; the photons that they make vary by "
        f"{told['light_rms_percent']:.2f} %, with the correlation {told['light_with_range']:.1f} to the range; "
        f"{told['photoelectrons']:.0f} photoelectrons"
    )


def tell_fit_time(f: Figures) -> str:
    """Seconds per event in each way to go through a file, and of the stages of a fit."""
    of, batch = f["fit_time"], f["settings"]["fit_time"]["batch"]
    each = {name: of[name]["seconds_per_event"] for name in ("one_by_one", "two_processes", "side_by_side")}
    stages = of["stages"]
    return (
        f"{each['one_by_one']:.1f} s one by one, {each['two_processes']:.1f} s in two processes, {each['side_by_side']:.1f} s "
        f"side by side ({batch} at a time); of a single fit the start {stages['start_seconds']:.1f} s, the climb "
        f"{stages['climb_seconds']:.1f} s; {of['one_by_one']['iterations_median']:.0f} iterations, at most "
        f"{of['one_by_one']['iterations_95']:.0f} in 95 % of fits"
    )


def tell_electrons(f: Figures) -> str:
    """Electrons: resolutions, bias along the track, pulls."""
    told = []
    for energy in (100, 500, 1000):
        s = f["reconstruction"][f"e-_{energy}"]
        pulls = ", ".join(
            f"{s['track_pull_q68'][name]:.1f}" for name in ("energy", "along", "across", "direction", "time")
        )
        told.append(
            f"{energy} MeV: {_resolutions(s)}, {s['longitudinal_bias_cm']:+.1f} +- {s['longitudinal_bias_error_cm']:.1f} cm "
            f"along the track, 68 % of pulls within {pulls}"
        )
    return "; ".join(told)


def _resolutions(s: dict) -> str:
    """What is told of a further sample."""
    return (
        f"{round(s['converged_fraction'] * s['events'])} of {s['events']} converge; "
        f"{s['vertex_q68_cm']:.1f} +- {s['vertex_q68_error_cm']:.1f} cm, {s['direction_q68_deg']:.2f} deg, momenta "
        f"{s['momentum_q68_percent']:.1f} %, {s['beyond_1m']} beyond 1 m"
    )


def tell_sample_pulls(f: Figures) -> str:
    s = f["reconstruction"]["mu-_1000"]
    return (
        f"68 % of pulls within {spread(s['track_pull_q68'], '.1f')} in energy, place, direction and time, where 1 is right; with "
        f"their tails the rms is {spread(s['track_pull_rms'], '.1f')}"
    )


def tell_engine(f: Figures) -> str:
    engine = f["light"]["engine"]
    one, two = engine["mu-"], engine["e-"]
    return (
        f"mean yields {one['yield_error_percent_mean']:+.2f} % (mu-) and {two['yield_error_percent_mean']:+.2f} % (e-), "
        f"the largest {one['yield_error_percent_max']:.1f} % and {two['yield_error_percent_max']:.1f} %; "
        f"delays within {one['delay_error_ps_max']:.0f} and {two['delay_error_ps_max']:.0f} ps"
    )


def tell_learnt(f: Figures) -> str:
    s = f["siren"]
    kinds = [s["siren"][name] for name in ("mu-", "e-")]
    charge = " and ".join(f"{s['charge_total_error_percent'][name]:+.1f}" for name in ("mu-", "e-"))
    sigma = max(s["charge"][name]["total_sigma_percent"] for name in ("mu-", "e-"))
    return (
        f"photons within {max(k['yield_error_percent_max'] for k in kinds):.1f} %, tables within "
        f"{max(k['table_tv_percent_max'] for k in kinds):.1f} %; charge of 1 GeV events in SK {charge} +- {sigma:.1f} %; "
        f"{1e3 * s['siren_profile_seconds']:.0f} ms and {max(k['file_kilobytes'] for k in kinds):.0f} kB; "
        f"trained in {s['train_minutes']:.0f} minutes"
    )


def tell_tracks(case: str) -> Callable[[Figures], str]:
    """Optics and efficiencies of one of the fits with and without tracks: errors, and how far they are off."""

    def tell(f: Figures) -> str:
        fit = f["calibration"]["with_tracks"][case]
        each = [row[case] for row in f["calibration"]["with_tracks"]["each"]]

        def middle(part: str) -> str:
            return ", ".join(f"{100 * median(abs(row[part][name]) for row in each):.0f}" for name in fit["pull_mean"])

        pulls = ", ".join(f"{value:+.1f}" for value in fit["pull_mean"].values())
        return (
            f"median errors {middle('error')} %, off by {middle('relative')} %, mean pulls {pulls}; efficiencies "
            f"{fit['efficiency_rms']:.4f} rms"
        )

    return tell


def tell_energies(f: Figures) -> str:
    told = []
    names = {"start": "nominal detector", "lamp": "lamp alone", "joint": "joint fit", "true": "true detector"}
    for case, name in names.items():
        row = f["calibration"]["with_tracks"]["tracks"][case]
        told.append(f"{name} {row['energy_bias_percent']:+.1f} ({row['energy_rms_percent']:.1f} rms)")
    error = f["calibration"]["with_tracks"]["tracks"]["joint"]["energy_bias_error_percent"]
    return "; ".join(told) + f" %, each mean +- {error:.1f}"


def tell_optics(f: Figures) -> str:
    o = f["calibration"]["optics"]
    errors = ", ".join(f"{100 * value:.1f}" for value in o["relative_error"].values())
    mean = max(abs(value) for value in o["pull_mean"].values())
    return (
        f"{o['converged']} of {o['experiments']} fits converge; errors {errors} %; mean pulls within {mean:.1f} +- "
        f"{o['pull_mean_sigma']:.2f}, widths {spread(o['pull_width'], '.2f')} +- {o['pull_width_sigma']:.2f}; "
        f"{o['seconds']:.0f} s on one shared core; {alone(f['calibration']['optics_timed'])}"
    )


def tell_expected(f: Figures) -> str:
    return _tell_worlds(f, [world for world in f["transport"]["cases"] if world.startswith("expected_value")])


def tell_width(f: Figures) -> str:
    """What disks of each width in squared radii do to the light of a channel, and to all of it."""
    rows = f["transport"]["soft_disk"].items()
    return "; ".join(
        f"width {width}: {row['bias_rms_percent']:.1f} % rms, {row['total_error_percent']:+.2f} % in all"
        for width, row in rows
    )


def tell_hybrid(f: Figures) -> str:
    return _tell_worlds(f, [world for world in f["transport"]["cases"] if not world.startswith("expected_value")])


def tell_gradients(f: Figures) -> str:
    of = []
    for name, rows in f["gradients"]["gradients"].items():
        known = sorted(row["error"] for row in rows.values())
        wrong = [
            f"{move} {row['ratio']:.3f} +- {row['error']:.3f}" for move, row in rows.items() if abs(row["sigma"]) > 3.0
        ]
        off = f"{len(wrong)} of them more than 3 sigma off: {', '.join(wrong)}" if wrong else "all within 3 sigma"
        of.append(f"`{name}` {len(rows)} parameters, known to {100.0 * known[len(known) // 2]:.1f} % (median), {off}")
    return "; ".join(of)


def _tell_worlds(f: Figures, worlds: list[str]) -> str:
    cases = [f["transport"]["cases"][world] for world in worlds]
    chi2, off, error = (
        [abs(case[name]) for case in cases] for name in ("chi2", "total_error_percent", "total_sigma_percent")
    )
    totals = f"totals of all light within {max(off):.2f} %, known to {max(error):.2f} %"
    return f"chi-square per sensor {spread(chi2, '.2f')} in {len(cases)} cases; {totals}"


def tell_efficiency(f: Figures) -> str:
    of = f["transport"]["efficiency"]
    times = {name: of[name]["efficiency_over_expected_value"] for name in ("many_rays", "rays_of_fits", "default_rays")}
    return (
        f"{times['many_rays']:.0f} times with {of['many_rays']['rays']} rays, {times['rays_of_fits']:.0f} times with those "
        f"of fits ({of['rays_of_fits']['rays']}), {times['default_rays']:.0f} times with those by default"
    )


def tell_display(f: Figures) -> str:
    display, cores = f["display"], f["settings"]["display"]["cores"]
    told = "; ".join(
        f"{name} {d['frames_per_second']:.0f} frames a second, {d['photons_frames_per_second']:.0f} while "
        f"200 photons fly, {d['page_mb']:.1f} MB"
        for name, d in display.items()
    )
    load = max(d["load"] for d in display.values())
    return f"{told}; on {cores} core{'s' * (cores > 1)} under a load of {load:.0f}"


def tell_fuzz(f: Figures) -> str:
    r = f["fuzz_readers"].values()
    failures = sum(len(one["failed"]) + len(one["crashed"]) for one in r)
    return (
        f"{len(list(r))} readers, {min(one['mutations'] for one in r):,} damaged files each: {failures} failures; "
        f"at most {max(one['peak_gb'] for one in r):.1f} GB"
    )


def tell_minutes(f: Figures) -> str:
    parts = ("install", "demo", "own_detector", "watchmal")
    each = {name: f["first_minutes"][name] for name in parts}
    told = [
        f"{name.replace('_', ' ').replace('watchmal', 'WatChMaL')} {one['commands']} and {one['cpu_seconds']:.0f} s"
        for name, one in each.items()
    ]
    clock = sum(one["seconds"] for one in each.values()) / 60.0
    run = f["settings"]["first_minutes"]
    return (
        f"{', '.join(told)}; {clock:.0f} minutes by the clock, on {run['cores']} core under a load of {run['load']:.0f}"
    )


ROWS = {
    "first_minutes": Row(
        "the first steps above from a clone, in an empty environment: commands and processor time",
        tell_minutes,
        "first_minutes.py",
    ),
    "demo": Row(
        "demo: simulate, reconstruct and draw one Geant4 muon in SK, compilation included",
        lambda f: (
            f"{f['first_light']['demo_seconds']:.0f} s, vertex {f['first_light']['demo_vertex_cm']:.0f} cm from the truth"
        ),
        "first_light.py --demo",
    ),
    "muons": Row("whole Geant4 muons, 500 to 1400 MeV, in SK, start from the data alone", tell_muons, "first_light.py"),
    "pulls": Row("pulls of these muons", tell_pulls, "first_light.py"),
    "sample": Row("muons of 1 GeV from the built-in engine, the same way", tell_sample, "reconstruction.py mu-_1000"),
    "sample pulls": Row("pulls of these", tell_sample_pulls, "reconstruction.py mu-_1000"),
    "sample bound": Row(
        "errors that these fits tell, median: what the likelihood leaves open, the Cramer-Rao bound",
        tell_bound,
        "reconstruction.py mu-_1000",
    ),
    "sample totals": Row(
        "predicted totals of the light of such muons are off by (rms)", tell_totals, "predicted_totals.py"
    ),
    "ingredients": Row(
        "the same kind of muons with and without each ingredient of the fit",
        tell_ingredients,
        "ingredients.py mu-_1000",
    ),
    "photocoverage": Row(
        "muons of 1 GeV in the tank of SK with fewer and more of its tubes",
        tell_photocoverage,
        "photocoverage.py 2000 4000 8000 18000",
    ),
    "points": Row("electrons of 10 MeV in JUNO, with scintillation", tell_points, "reconstruction.py e-_10@JUNO"),
    "other samples": Row(
        "muons of other energies, the same way", tell_other_samples, "reconstruction.py mu-_300 mu-_600 mu-_1500"
    ),
    "electrons": Row(
        "electrons, the same way; pulls of energy, place along and across the track, direction and time",
        tell_electrons,
        "reconstruction.py e-_100 e-_500 e-_1000",
    ),
    "likelihood": Row(
        "likelihood of a prediction with its gradient, SK",
        lambda f: (
            f"{f['first_light']['value_and_gradient_seconds']:.2f} s after {f['first_light']['compile_seconds']:.0f} s of "
            f"compilation, {f['first_light']['peak_memory_gb']:.1f} GB peak"
        ),
        "first_light.py --timing",
    ),
    "step": Row(
        "one step of the fit",
        lambda f: (
            f"{f['first_light']['fit_step_seconds']:.2f} s, of which the muons above needed "
            f"{spread([e['evaluations'] for e in muons(f)['each']], 'd')}"
        ),
        "first_light.py --timing",
    ),
    "fit time": Row("time of fits of muons of 1 GeV in SK, an event, on two cores", tell_fit_time, "fit_time.py"),
    "detectors": Row(
        "particles in other detectors, the same way",
        tell_detectors,
        "reconstruction.py mu-_300@WCTE e-_300@WCTE mu-_1000@HK",
    ),
    "identified": Row(
        "muons of 1 GeV and electrons of the same light in SK, told apart by their likelihoods",
        lambda f: tell_identified(f, "1000"),
        "identification.py 1000",
    ),
    "rings": Row(
        "neutral pions of 500 MeV and electrons of the same light in SK, told apart by fits of one and two rings",
        tell_rings,
        "rings.py 500",
    ),
    "convergence": Row(
        "muons of 1 GeV found from starts that are wrong in everything, by the distance of the vertex",
        tell_convergence,
        "convergence.py",
    ),
    "noise": Row(
        "noise of the prediction for a 1 GeV muon over Poisson variance",
        lambda f: f"{f['transport']['noise_over_poisson_percent']:.1f} %",
        "transport.py",
    ),
    "photons": Row(
        "Monte Carlo, and the same light through `ExpectedValue`",
        lambda f: (
            f"{f['transport']['monte_carlo_photons_per_second'] / 1e6:.2f} million photons and "
            f"{f['transport']['expected_value_rays_per_second'] / 1e6:.1f} million rays a second"
        ),
        "transport.py",
    ),
    "efficiency": Row(
        "efficiency of `Hybrid` over rays counted sensor by sensor (1 / (variance x time))",
        tell_efficiency,
        "transport.py",
    ),
    "gradient": Row(
        "prediction of all channels for a 1 GeV muon, and with the backward derivative of a sum over them",
        lambda f: f"{f['transport']['value_seconds']:.2f} s, {f['transport']['gradient_over_value']:.1f} times that",
        "transport.py",
    ),
    "slopes": Row(
        "derivatives of all that is seen against finite differences of Monte Carlo", tell_gradients, "gradients.py"
    ),
    "hybrid": Row(
        "indirect light of `Hybrid` against Monte Carlo, lamps, lasers and tracks", tell_hybrid, "transport.py"
    ),
    "ring": Row(
        "indirect light of a 1 GeV muon by `Hybrid` against paths among the true sensors",
        tell_ring,
        "transport.py --parts ring",
    ),
    "expected": Row(
        "all light of `ExpectedValue` with hard disks against Monte Carlo, the same", tell_expected, "transport.py"
    ),
    "width": Row(
        "direct light of a 1 GeV muon by `ExpectedValue` with soft disks against the integral",
        tell_width,
        "transport.py --parts width",
    ),
    "balance": Row(
        "light that no account holds, as a share of all",
        lambda f: f"{f['transport']['energy_balance_error_max']:.0e}".replace("0e+00", "none"),
        "transport.py",
    ),
    "forms": Row(
        "Monte Carlo with flush disks, domes, balls and modules in cylinder, sphere and box",
        tell_forms,
        "transport_scaling.py",
    ),
    "precision": Row("single against double precision, 1 GeV muon in SK", tell_precision, "transport_scaling.py"),
    "scans": Row(
        "likelihood of a muon along each parameter: gradient against differences", tell_scans, "likelihood_scans.py"
    ),
    "engine": Row("light of the built-in engine against Geant4, steps laid as there", tell_engine, "light.py"),
    "learnt": Row(
        "learnt light of mu- and e- against new particles, at energies not trained on", tell_learnt, "siren.py"
    ),
    "optics": Row(
        "absorption, scattering, wall and sensor reflectance of SK from one laser of 1e7 photons, with shot noise, "
        "starts half off",
        tell_optics,
        "calibration.py optics",
    ),
    "joint": Row(
        "the same with 11,146 efficiencies, from it and 15 isotropic lamps", tell_joint, "calibration.py joint"
    ),
    "efficiencies": Row(
        "11,146 efficiencies alone, from 15 isotropic lamps", tell_efficiencies, "calibration.py efficiencies"
    ),
    "wavelengths": Row(
        "absorption and scattering at four laser lines with the two reflectances, starts half off",
        tell_wavelengths,
        "calibration.py wavelengths",
    ),
    "times": Row(
        "time offset (1 ns rms) and transit time spread (10 % rms) of 11,146 channels, from three weak lamps",
        tell_times,
        "calibration.py times",
    ),
    "mismodelled": Row(
        "2 % more scattering, all forwards, in the data alone", tell_mismodelled, "calibration.py mismodelled"
    ),
    "adam": Row("one laser in a tank of 1016 tubes, beside Adam", tell_adam, "calibration_trials.py adam"),
    "light_level": Row(
        "light at which the noise of the paths is that of the data",
        tell_light_level,
        "calibration_trials.py light_level",
    ),
    "starts": Row("four starts, all parameters half off", tell_starts, "calibration_trials.py starts"),
    "tracks_lamp": Row(
        "absorption, scattering, wall and channels of a tank from one weak lamp",
        tell_tracks("lamp"),
        "calibration_tracks.py",
    ),
    "tracks_muons": Row("the same from 20 muons without a lamp", tell_tracks("muons"), "calibration_tracks.py"),
    "tracks_joint": Row("the same from both in one fit", tell_tracks("joint"), "calibration_tracks.py"),
    "energies": Row(
        "energies of these muons against the truth, by the detector of the fit",
        tell_energies,
        "calibration_tracks.py",
    ),
    "design": Row("504 tubes of a tank in a beam, placed for its muons", tell_design, "design.py"),
    "display": Row("display in software rendering", tell_display, "display.py"),
    "fuzz": Row("damaged files: a clear line or a sound read", tell_fuzz, "fuzz_readers.py"),
}


class Compared(NamedTuple):
    """One line of the comparison: the figure of Lampyris, and those that others give of themselves."""

    what: str
    tell: Callable[[Figures], str]
    others: str
    command: str


COMPARED = (
    Compared(
        "muons in SK, 68 % of vertices within",
        lambda f: f"{muons(f)['vertex_q68_cm']:.1f} cm",
        "LUCiD 15.6 cm; fiTQun 15.8 cm",
        "first_light.py",
    ),
    Compared(
        "the same, directions within",
        lambda f: f"{muons(f)['direction_q68_deg']:.2f} deg",
        "LUCiD 1.1 deg; fiTQun 1.0 deg",
        "first_light.py",
    ),
    Compared(
        "the same, momenta within",
        lambda f: f"{muons(f)['momentum_q68_percent']:.1f} %",
        "LUCiD 1.5 %; fiTQun 2.3 %",
        "first_light.py",
    ),
    Compared(
        "time for one of these fits",
        lambda f: f"{muons(f)['seconds_per_event']:.0f} s on two CPU cores, median; compilation apart",
        "LUCiD about 10 s on an A100; fiTQun about 30 s on a CPU core",
        "first_light.py",
    ),
    Compared(
        "errors of these fits: widths of the pulls",
        lambda f: f"{spread(muons(f)['pull_width'], '.1f')}, 1 is right",
        "none given",
        "first_light.py",
    ),
    Compared(
        "Monte Carlo photons a second",
        lambda f: (
            f"{f['transport']['monte_carlo_photons_per_second'] / 1e6:.2f} million on two CPU cores, SK with flush disks"
        ),
        "Chroma 2.5 million on a GPU, 29,000 tubes as meshes; Opticks about 10 million on an RTX 6000 Ada, JUNO in full detail",
        "transport.py",
    ),
    Compared(
        "four optical parameters from shot-noise data",
        lambda f: (
            f"pulls with means within {max(abs(v) for v in f['calibration']['optics']['pull_mean'].values()):.1f} and widths "
            f"{spread(f['calibration']['optics']['pull_width'], '.2f')}"
        ),
        "LUCiD: 500 Adam steps of 500,000 rays; no pulls given",
        "calibration.py optics",
    ),
)

TABLES = {
    "measured": tuple(key for key in ROWS if key not in ("ingredients", "photocoverage")),
    "start": ("first_minutes", "demo"),
    "reconstruction": (
        "muons",
        "pulls",
        "sample",
        "sample pulls",
        "sample bound",
        "sample totals",
        "ingredients",
        "photocoverage",
        "other samples",
        "electrons",
        "detectors",
        "points",
        "identified",
        "rings",
        "convergence",
        "likelihood",
        "step",
        "fit time",
    ),
    "transport": (
        "noise",
        "gradient",
        "photons",
        "efficiency",
        "hybrid",
        "ring",
        "expected",
        "width",
        "slopes",
        "balance",
        "forms",
        "precision",
        "scans",
    ),
    "light": ("engine", "learnt"),
    "calibration": ("optics", "efficiencies", "joint", "wavelengths", "times"),
    "calibration_trials": ("adam", "light_level", "starts"),
    "mismodelled": ("mismodelled",),
    "design": ("design",),
    "calibration_tracks": ("tracks_lamp", "tracks_muons", "tracks_joint", "energies"),
    "tools": ("display", "fuzz"),
}


def table(name: str, figures: Figures) -> str:
    """One table as Markdown."""
    if name == "compared":
        lines = ["| what | Lampyris | others, by their own account | command |", "|---|---|---|---|"]
        rows = [(r.what, r.tell, r.others, r.command) for r in COMPARED]
    else:
        lines = ["| what | measured | by |", "|---|---|---|"]
        rows = [(ROWS[key].what, ROWS[key].tell, ROWS[key].command) for key in TABLES[name]]
    for what, tell, *rest in rows:
        try:
            told = tell(figures)
        except KeyError:
            continue
        *others, command = rest
        lines.append(f"| {' | '.join([what, told, *others, f'`{command}`'])} |")
    return "\n".join(lines) + "\n"
