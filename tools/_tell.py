"""How the figures of calibrations and of transports read."""

Figures = dict[str, dict]


def tell_joint(f: Figures) -> str:
    o = f["calibration"]["joint"]
    means = ", ".join(f"{value:+.1f}" for value in o["pull_mean"].values())
    told = _channels(o, f"; mean pulls {means} +- {o['pull_mean_sigma']:.1f}")
    return f"{told}; {alone(f['calibration']['joint_timed'])}"


def alone(lap: dict) -> str:
    """One calibration after compilation, with no other beside it."""
    seconds = lap["seconds"]
    time = f"{seconds:.0f} s" if seconds < 100.0 else f"{seconds / 60.0:.1f} minutes"
    return f"{time} on {lap['cores']} cores after compilation"


def tell_efficiencies(f: Figures) -> str:
    return _channels(f["calibration"]["efficiencies"], "")


def _channels(o: dict, shared: str) -> str:
    """A campaign that fits efficiencies; `shared` tells of its other parameters."""
    return (
        f"{o['converged']} of {o['experiments']} converge{shared}; pulls of efficiencies of width "
        f"{o['efficiency_pull_width']:.2f}, rms {o['efficiency_rms_over_floor']:.2f} of counting alone, "
        f"{o['efficiency_rms_over_floor_with_charge_resolution']:.2f} of counting with the charge resolution; "
        f"{o['seconds'] / 60.0:.1f} minutes on one shared core"
    )


def tell_rings(f: Figures) -> str:
    r = f["rings"]["500"]
    found = ", ".join(f"{100 * r['pions_found'][share]:.0f} % at {100 * float(share):g} %" for share in ("0.9", "0.98"))
    return (
        f"pions found with electrons kept: {found}; area under the curve {r['separation']['auc']:.2f} +- "
        f"{r['separation']['auc_error']:.2f}; mass {r['mass_mean_mev']:.0f} +- {r['mass_mean_error_mev']:.0f} MeV, rms "
        f"{r['mass_rms_mev']:.0f} MeV ({r['events']} of each)"
    )


def tell_times(f: Figures) -> str:
    o = f["calibration"]["times"]
    return (
        f"{o['converged']} of {o['experiments']} converge; offsets right to {o['time_offset_rms_ns']:.2f} ns rms, pulls of width "
        f"{o['time_offset_pull_width']:.2f}; spreads to {o['transit_time_spread_rms_ns']:.2f} ns rms, width "
        f"{o['transit_time_spread_pull_width']:.2f}; {o['seconds']:.0f} s on one shared core"
    )


def tell_wavelengths(f: Figures) -> str:
    o = f["calibration"]["wavelengths"]
    errors = {
        kind: [100.0 * e for n, e in o["relative_error"].items() if kind in n] for kind in ("absorption", "scatterers")
    }
    pulls = [pull for row in o["each"] for pull in row["pulls"].values()]
    return (
        f"{o['converged']} of {o['experiments']} converge; absorption known to {min(errors['absorption']):.1f} to "
        f"{max(errors['absorption']):.1f} %, scattering to {min(errors['scatterers']):.1f} to {max(errors['scatterers']):.1f} %; "
        f"rms of all {len(pulls)} pulls {(sum(p * p for p in pulls) / len(pulls)) ** 0.5:.2f}; "
        f"{o['seconds'] / 60.0:.1f} minutes on one shared core"
    )


def tell_identified(f: Figures, sample: str) -> str:
    """Muons and electrons of the same light."""
    o = f["identification"][sample]
    wrong = round(o["wrong_signal"] * o["signal"]), round(o["wrong_background"] * o["background"])
    return (
        f"{wrong[0]} of {o['signal']} muons and {wrong[1]} of {o['background']} electrons of {o['electron_energy']:.0f} MeV told "
        f"wrongly; area under the curve {o['auc']:.4f} +- {o['auc_error']:.4f}; {o['distance']:.1f} sigma apart"
    )


def tell_convergence(f: Figures) -> str:
    """Shares of fits that find the muon, and how far their own starts are."""
    o = f["convergence"]
    found = ", ".join(f"{100.0 * told['share']:.0f} % from {distance} m" for distance, told in o["found"].items())
    own = o["own_start"]["vertex_m"]
    return f"{found} ({o['events']} events); own starts {own['median']:.1f} m off, {own['max']:.1f} m at most"


def tell_mismodelled(f: Figures) -> str:
    o = f["calibration"]["mismodelled"]
    asked = [row["held"]["medium.scatterers.1.length"] for row in o["each"]]
    return (
        f"{o['experiments']} experiments: Rayleigh length off by {o['pull_mean']['medium.scatterers.0.length']:+.1f} of its "
        f"errors, goodness of fit {o['goodness_sigma_min']:.1f} to {o['goodness_sigma_max']:.1f} sigma; the forward length, "
        f"which was held, asked for {min(map(abs, asked)):.1f} to {max(map(abs, asked)):.1f} errors away; "
        f"{o['poor_fits']} told as poor"
    )


def tell_adam(f: Figures) -> str:
    adam, own = f["calibration"]["adam"]["adam"], f["calibration"]["adam"]["second_order"]
    off = [max(abs(value) for value in fit["away_over_cramer_rao"].values()) for fit in (own, adam)]
    return (
        f"`calibrate` {own['iterations']:.0f} iterations, {own['seconds']:.0f} s, off by {off[0]:.1f} Cramer-Rao errors at "
        f"most; Adam {adam['steps']} steps of {adam['rays']} rays, {adam['seconds']:.0f} s, off by {off[1]:.1f}"
    )


def tell_light_level(f: Figures) -> str:
    levels = f["calibration"]["light_level"]["photons_of_equal_noise"]
    return "; ".join(f"{paths} paths: {photons:.1e} photons" for paths, photons in levels.items())


def tell_starts(f: Figures) -> str:
    s = f["calibration"]["starts"]
    return (
        f"all end, after {min(s['iterations'])} to {max(s['iterations'])} iterations, at most "
        f"{s['ends_apart_over_error_max']:.1f} errors apart"
    )


def tell_forms(f: Figures) -> str:
    forms = f["transport_scaling"]["forms"]
    worst = max([*forms["balance_error"].values(), *forms["cut_off"].values()])
    lost = "none" if worst == 0 else f"{worst:.0e} of it"
    speed = forms["photons_per_second"]
    return (
        f"light lost in {len(forms['balance_error'])} cavities: {lost}; {speed['dome'] / 1e6:.2f} million photons a second among "
        f"11,146 domes, {speed['flush'] / 1e6:.2f} with flush disks beside it, on one core"
    )


def tell_precision(f: Figures) -> str:
    p = f["transport_scaling"]["precision"]
    return (
        f"charges {100 * p['charge_rms_relative']:.2f} % rms, {100 * p['charge_error_over_poisson_max']:.1f} % of their Poisson "
        f"error at most; total {abs(p['total_relative']):.0e}; slopes {p['slopes_max_over_largest']:.0e} of the largest; "
        f"{p['photons_that_end_elsewhere']:.0e} of straight photons meet another sensor"
    )


def tell_scans(f: Figures) -> str:
    scans = f["likelihood_scans"]["scans"]
    rough = {name: 100.0 * row["gradient_error_relative"] for name, row in scans.items()}
    bad = {name.split(" [")[0]: error for name, error in rough.items() if error > 10.0}
    good = [error for error in rough.values() if error <= 10.0]
    told = ", ".join(f"{name} {error:.0f} %" for name, error in bad.items())
    finer = f"; finer than the points: {told}" if bad else ""
    return (
        f"{len(good)} of {len(rough)} parameters within {max(good):.0f} % of the largest difference{finer}; "
        f"at most {f['likelihood_scans']['maxima_max']} maximum along each"
    )


def tell_ring(f: Figures) -> str:
    """Indirect light of the prediction in classes of channels."""
    rows = f["transport"]["indirect_by_direct_light"].values()
    ratios = [row["ratio"] for row in rows]
    ring = list(rows)[-1]
    return (
        f"ratios {min(ratios):.2f} to {max(ratios):.2f} from the dimmest half of the channels to the ring, where it is "
        f"{ring['ratio']:.2f} +- {ring['ratio_error']:.2f}"
    )


def tell_design(f: Figures) -> str:
    """The best layout beside an even one: what is expected, and what reconstruction makes of it."""
    expected, told = f["design"]["expected"], f["design"]["reconstructed"]
    better = 100.0 * (1.0 - expected["best"]["vertex"] / expected["even"]["vertex"])
    one, two = told["even"], told["best"]
    return (
        f"expected vertices {better:.0f} % better; reconstructed, 68 % of {one['events']}: vertices "
        f"{one['vertex_q68_cm']:.1f} -> {two['vertex_q68_cm']:.1f} +- {two['vertex_q68_cm_error']:.1f} cm, directions "
        f"{one['direction_q68_deg']:.1f} -> {two['direction_q68_deg']:.1f} +- {two['direction_q68_deg_error']:.1f} deg, energies "
        f"{one['energy_q68_percent']:.1f} -> {two['energy_q68_percent']:.1f} +- {two['energy_q68_percent_error']:.1f} %"
    )
