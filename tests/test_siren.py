"""Learning the mean light of tracks: networks, smooth curves, tables, and trainings that can be stopped."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from typer.testing import CliRunner

from lampyris._checks import LampyrisError
from lampyris._host import on_host
from lampyris.catalog.ice import ice_south_pole
from lampyris.catalog.media import water_sk
from lampyris.catalog.scintillators import water_based_scintillator
from lampyris.cli import app
from lampyris.emission import learn as learning
from lampyris.emission import load_profile, profile_names, read_profile, training, write_profile
from lampyris.emission.angles import angle_edges
from lampyris.emission.learn import Learner, Sample, learn
from lampyris.emission.light_shape import LightShape
from lampyris.emission.light_table import Scale, energy_grid, make_row, place_edges, simulate_light, sorted_light
from lampyris.emission.packed import pack, unpack
from lampyris.emission.profile_file import FORMAT
from lampyris.emission.siren import FREQUENCY, Siren, sine
from lampyris.emission.smooth import SmoothCurve, fit_curve
from lampyris.emission.tabulate import YieldTable
from lampyris.emission.training import Recipe, Training
from lampyris.source import Track

TINY = {"low": 10.0, "high": 60.0, "energies": 6, "events": 2, "photons": 2e4, "steps": 60, "seed": 3}
SHIPPED = ("e+", "e-", "gamma", "mu+", "mu-", "pi+", "pi-")


@pytest.fixture(autouse=True, scope="module")
def small_portions():
    """Portions of ten steps in all trainings, so that one function is compiled, saved after every second one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "STRIDE", 10)
        patch.setattr(training, "SAVED_EVERY", 20)
        patch.setattr(learning, "BATCH", 2048)
        yield


def silent(*told):
    """Nothing is told."""


@pytest.fixture(scope="module")
def yields():
    return YieldTable.of(water_sk())


def sine_and_slope(angle):
    return jax.jvp(sine, (angle,), (jnp.ones_like(angle),))


def test_sine_is_the_sine():
    angle = np.linspace(-60.0, 60.0, 4001).astype(np.float32)
    value, slope = on_host(sine_and_slope, angle)
    # the angle itself is rounded to 4e-6 at its largest
    np.testing.assert_allclose(value, np.sin(angle.astype(float)), atol=1e-5)
    np.testing.assert_allclose(slope, np.cos(angle.astype(float)), atol=1e-5)


def layers(network, inputs):
    found = []
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        inputs = jnp.sin(FREQUENCY * (inputs @ weight + bias))
        found.append(inputs)
    return found


def test_sines_of_all_layers_start_alike_and_symmetric():
    network = Siren.start((3, 256, 256, 256, 1), key=jax.random.key(0))
    inputs = np.random.default_rng(0).uniform(-1.0, 1.0, (512, 3))
    variance = 0.5  # of the sine of an angle that goes round many times
    for layer in on_host(layers, network, inputs):
        # a few hundred units and inputs, which share what is drawn
        assert abs(layer.mean()) < 0.05
        assert layer.var() == pytest.approx(variance, rel=0.06)
        # weights of the variance 2 / units make a normal sum of twice the variance, whose sine has this one
        variance = 0.5 * (1.0 - np.exp(-2.0 * (2.0 * variance + 2.0 / 256)))


def test_curve_takes_as_many_terms_as_its_errors_support(double_precision):
    energies, draw = energy_grid(10.0, 3000.0, 32), np.random.default_rng(1)
    true = SmoothCurve(np.array([5.0, 3.0, -0.5, 0.2]), (10.0, 3000.0))
    assert (energies[0], energies[-1]) == (10.0, 3000.0)
    for error in (1e-5, 1e-2):
        values = true.values(energies) * np.exp(error * draw.normal(size=32))
        found = fit_curve(energies, values, np.full(32, error))
        assert 4 <= len(found.series) <= 7
        between = np.geomspace(10.0, 3000.0, 77)
        # eight terms at most share the errors of 32 points; near the ends the variance is some times larger
        np.testing.assert_allclose(found.values(between), true.values(between), rtol=4.0 * error)
        np.testing.assert_allclose(on_host(jax.vmap(found), between), found.values(between), rtol=1e-9)
    poor = fit_curve(energies, true.values(energies) * np.exp(draw.normal(size=32)), np.ones(32))
    assert len(poor.series) < 4


def ring_table(energies, nodes=64):
    """A ring whose angle falls and whose width grows along the track, alike at all energies but for its end."""
    edges = angle_edges()
    middle, u = 0.5 * (edges[1:] + edges[:-1]), np.linspace(-1.0, 1.0, nodes)
    place, bend = u[:, None], 0.72 - 0.05 * (u[:, None] + 1.0) ** 2
    width = 0.02 + 0.05 * (u[:, None] + 1.0)
    ring = np.exp(-0.5 * ((middle - bend) / width) ** 2) / width + 0.02
    ends = np.array([1.0 / (1.0 + np.exp((place - 0.3 - 0.2 * x) / 0.1)) for x in energies])
    light = ends * ring * -np.diff(np.cos(edges))
    return light / light.sum(axis=(1, 2), keepdims=True)


def test_network_learns_a_ring_and_its_delays():
    x = np.linspace(-1.0, 1.0, 8)
    light, u = ring_table(x), np.linspace(-1.0, 1.0, 64)
    delay = 0.3 + 0.1 * np.sin(u) + 0.1 * x[:, None]
    sample = Sample.of(light, x, delay, 0.5 * delay)
    learner = Learner.start(LightShape.start(0.73, 0.4, key=jax.random.key(1)))
    key = jax.random.key(2)
    for first in range(0, 600, 100):
        learner, loss = learn(learner, sample, key, jnp.asarray(first), jnp.asarray(600), count=100)
    assert float(loss) < 0.02
    between = 0.5 * (x[3] + x[4])
    found = np.asarray(on_host(lambda s: s.bins(jnp.asarray(between), 64), learner.shape), float)
    assert found.sum() / 2.0 / 64 == pytest.approx(1.0, abs=0.05)  # it has learnt the total too
    true = ring_table([between])[0]
    assert 0.5 * np.abs(found / found.sum() - true).sum() < 0.05
    mean, rms = on_host(lambda s: s.delays(jnp.asarray(between), jnp.asarray(u)), learner.shape)
    lit = true.sum(axis=1) > 1e-3
    np.testing.assert_allclose(mean[lit], (0.3 + 0.1 * np.sin(u) + 0.1 * between)[lit], atol=0.03)
    np.testing.assert_allclose(rms[lit], 0.5 * (0.3 + 0.1 * np.sin(u) + 0.1 * between)[lit], atol=0.03)


def test_table_counts_all_light(yields):
    scale = Scale(SmoothCurve(np.log([0.5]), (10.0, 1000.0)), np.arange(-2, 63) * 0.05)
    row = make_row("e-", 50.0, 20, 2e4, scale, yields, jax.random.key(4))
    assert row.light.shape == (64, angle_edges().size - 1)
    assert row.light.sum() == pytest.approx(1.0)
    light, flashes = simulate_light("e-", 50.0, 20, 2e4, yields, jax.random.key(4))
    assert row.photons[0] == light.mean()
    node, counts = sorted_light(flashes, 0.5, scale.edges)
    np.testing.assert_allclose(counts / counts.sum(), row.light)
    inside = (node > 0) & (node < 63)
    place = 0.5 * (scale.edges[1:] + scale.edges[:-1])[node[inside]]
    assert np.abs(flashes.z[inside] / 0.5 - place).max() <= 0.5 * 0.05 * (1.0 + 1e-6)
    mean = np.bincount(node, flashes.delay(), minlength=64) / np.maximum(np.bincount(node, minlength=64), 1)
    lit = row.light.sum(axis=1) > 1e-2
    np.testing.assert_allclose(row.delay[lit], mean[lit], rtol=1e-6)


@pytest.mark.parametrize(
    ("low", "high", "even"),
    [
        (-0.03, 2.0, slice(64)),
        (-0.08, 3.9, slice(64)),
        (-0.08, 4.1, slice(48)),
        (-0.4, 30.0, slice(48)),
        (-12.0, 25.0, slice(8, 48)),
    ],
)
def test_bins_grow_only_where_light_is_rare(low, high, even):
    edges, number = place_edges(low, high), np.arange(64)
    width = np.diff(edges)
    assert edges.shape == (65,)
    assert np.abs(edges).min() < 1e-12
    assert edges[0] <= 0.999 * low
    assert edges[-1] == pytest.approx(high, rel=1e-3)
    np.testing.assert_allclose(width[even], width[even][0], rtol=1e-9)
    # no wider than 40 even bins between -0.5 and 3, of which one edge is at 0
    assert width[even][0] <= 3.5 / 39
    behind, ahead = number < number[even][0], number > number[even][-1]
    assert np.all(np.diff(width)[behind[:-1]] < 0)
    assert np.all(np.diff(width)[ahead[1:]] > 0)


@pytest.mark.parametrize("name", SHIPPED)
def test_far_light_keeps_its_place(name):
    """The mean distance of the bins is that of the light, far light of slow particles included."""
    profile = load_profile(name)
    for energy in np.geomspace(*profile.energy_range, 9):
        nodes = on_host(lambda p, e: p.nodes(e), profile, energy)
        mean = (nodes.light.sum(axis=1) * nodes.distance).sum() / nodes.light.sum()
        # both are smoothed over energies, each in its own way, from particles whose mean distance is known to 1 % or
        # better between neighbours, that of pions to 5 %: 4 sigma
        tolerance = 0.2 if name in ("pi+", "pi-") else 0.04
        assert mean == pytest.approx(float(profile.distance.values(energy)), rel=tolerance)


def trained(path, tell=silent):
    """The bytes of a small profile."""
    profile = Training(Recipe.of("e-", **TINY), water_sk(), path.with_suffix(".part")).run(tell, "tiny")
    write_profile(path, profile)
    return path.read_bytes()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The file of a small training that was never stopped."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.profile"
    trained(path)
    return path


@pytest.mark.parametrize(("stage", "at"), [("simulating", 3), ("training", 20), ("training", 50)])
def test_stopped_training_gives_the_same_file(stage, at, tiny, tmp_path):
    told = []

    def stop(now, done, total, loss):
        if (now, done) == (stage, at):
            raise KeyboardInterrupt

    path = tmp_path / "stopped.profile"
    with pytest.raises(KeyboardInterrupt):
        trained(path, stop)
    again = trained(path, lambda now, done, total, loss: told.append((now, done)))
    assert told[0] == ((stage, at) if stage == "simulating" else (stage, at // 20 * 20))
    assert again == tiny.read_bytes()


def test_seed_decides(tiny, tmp_path):
    def rows(seed):
        part = tmp_path / f"{seed}.part"

        def stop(now, done, total, loss):
            if (now, done) == ("simulating", 1):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Training(Recipe.of("e-", **(TINY | {"seed": seed})), water_sk(), part).run(stop)
        return unpack(part, training.FORMAT, "state")[1]["row_0_light"]

    first, second = rows(3), rows(4)
    assert (first != second).any()
    header, _ = unpack(tiny, FORMAT, "profile")
    assert header["provenance"].startswith("lampyris ")
    assert header["provenance"].endswith("built-in engine: tiny")


def test_own_file_is_used(tiny):
    own = Track("e-", 30.0, [0.0, 0.0, 0.0], [0.0, 0.0, 1.0], profile_file=str(tiny))
    assert own.profile.energy_range == (10.0, 60.0)
    with pytest.raises(LampyrisError, match=r"between 10 and 60 \(the range of the e- profile\) MeV, but is 100 MeV"):
        Track("e-", 100.0, [0.0, 0.0, 0.0], [0.0, 0.0, 1.0], profile_file=str(tiny)).suited(water_sk())
    with pytest.raises(LampyrisError, match="is the profile of e-; one of mu- is needed"):
        Track("mu-", 300.0, [0.0, 0.0, 0.0], [0.0, 0.0, 1.0], profile_file=str(tiny)).suited(water_sk())


@pytest.mark.parametrize(
    ("medium", "why"), [(ice_south_pole, "is not water"), (water_based_scintillator, "scintillates")]
)
def test_media_without_profiles_refuse_files_and_trainings(tiny, tmp_path, medium, why):
    own = Track("e-", 30.0, [0.0, 0.0, 0.0], [0.0, 0.0, 1.0], profile_file=str(tiny))
    with pytest.raises(LampyrisError, match=rf"`Track\(profile_file=...\)` is of Cherenkov light .* this medium {why}"):
        own.parts(medium())
    with pytest.raises(LampyrisError, match=rf"The profile of e- is of Cherenkov light in water, .* this medium {why}"):
        Training(Recipe.of("e-", **TINY), medium(), tmp_path / "part")


def test_state_of_another_training_is_refused(tmp_path):
    part, recipe = tmp_path / "x.part", Recipe.of("e-", **TINY)

    def stop(now, done, total, loss):
        if now == "simulating":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Training(recipe, water_sk(), part).run(stop)
    with pytest.raises(LampyrisError, match="is of a training with another recipe; give that one's, or remove it"):
        Training(recipe._replace(seed=9), water_sk(), part)
    whole = part.read_bytes()
    part.write_bytes(whole[:-1])
    with pytest.raises(LampyrisError, match="is damaged: its checksum does not fit"):
        Training(recipe, water_sk(), part)
    part.write_text("something else")
    with pytest.raises(LampyrisError, match="is not a state of a training"):
        Training(recipe, water_sk(), part)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"particle": "tau-"}, "Unknown particle 'tau-'"),
        ({"low": -5.0}, r"`low` must be between 1 and 3000 MeV, but is -5 MeV"),
        ({"high": 5000.0}, r"`high` must be between 1 and 3000 MeV, but is 5000 MeV"),
        ({"low": 60.0, "high": 60.0}, r"`low` must be below high = 60 MeV, but is 60 MeV"),
        ({"energies": 2}, r"`energies` must be at least 6, but is 2"),
        ({"steps": 0}, r"`steps` must be at least 1"),
    ],
)
def test_impossible_recipes_are_told(wrong, message):
    with pytest.raises(LampyrisError, match=message):
        Recipe.of(**({"particle": "e-"} | TINY | wrong))


def test_energies_without_light_are_told(tmp_path):
    recipe = Recipe.of("mu-", **(TINY | {"low": 20.0, "high": 200.0}))
    with pytest.raises(LampyrisError, match="The table of mu- is empty at 20 MeV: such particles give no light"):
        Training(recipe, water_sk(), tmp_path / "part").run(silent)


def test_other_band_and_damage_are_told(tiny, tmp_path):
    header, arrays = unpack(tiny, FORMAT, "profile")
    path = tmp_path / "x.profile"
    pack(path, FORMAT, header | {"band_nm": [300.0, 600.0]}, arrays)
    with pytest.raises(LampyrisError, match=r"was made for light of 300.0 .. 600.0 nm; a profile must be for 274.9"):
        read_profile(path)
    pack(path, FORMAT, header, {name: value for name, value in arrays.items() if name != "edges"})
    with pytest.raises(LampyrisError, match="is not a track profile: KeyError 'edges'"):
        read_profile(path)
    pack(path, "lampyris-profile-1", header, arrays)
    with pytest.raises(LampyrisError, match="is of the format lampyris-profile-1, not lampyris-profile-2"):
        read_profile(path)
    content, draw = bytearray(tiny.read_bytes()), np.random.default_rng(0)
    for at in draw.integers(0, len(content), 50):
        damaged = bytearray(content)
        damaged[at] ^= 16
        path.write_bytes(damaged)
        with pytest.raises(LampyrisError, match=r"is damaged|is not a track profile|is of the format"):
            read_profile(path)
    with pytest.raises(LampyrisError, match="cannot be read: No such file"):
        read_profile(tmp_path / "none.profile")


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in ("train", *words)])


def test_command_makes_a_profile(tmp_path):
    path = tmp_path / "e.profile"
    wanted = ["--detector", "Eos", "--low", 10, "--high", 30, "--energies", 6, "--events", 2, "--steps", 10]
    done = run("e-", "-o", path, *wanted, "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told["command"] == (
        "lampyris train e- --detector Eos --low 10 --high 30 --energies 6 --events 2 --steps 10 --seed 1"
    )
    assert told["bytes"] == path.stat().st_size < 1e6
    assert told["loss"] > 0
    assert not path.with_name("e.profile.part").exists()
    assert told["command"] in read_profile(path).provenance


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tau-"], "Unknown particle 'tau-'"),
        (["e-", "--low", -5], "`low` must be between 1 and 3000 MeV, but is -5 MeV"),
        (["e-", "--detector", "nowhere"], "Unknown detector 'nowhere'"),
    ],
)
def test_command_tells_bad_input_in_one_line(words, message, tmp_path):
    done = run(*words, "-o", tmp_path / "x.profile")
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_all_promised_particles_ship():
    assert tuple(profile_names()) == SHIPPED
    for name in SHIPPED:
        profile = load_profile(name)
        assert profile.energy_range == (10.0 if name in ("e-", "e+", "gamma") else 100.0, 3000.0)
        assert f"lampyris train {name}" in profile.provenance
        profile.check_medium(water_sk())


@pytest.mark.parametrize("particle", ["mu-", "e-"])
def test_shipped_profile_agrees_with_new_particles(particle, yields):
    profile, energy, events = load_profile(particle), 700.0, 120
    light, flashes = simulate_light(particle, energy, events, 2e5, yields, jax.random.key(11))
    error = light.std() / np.sqrt(events)
    # 4 sigma of the sample beside the error of the profile
    assert float(profile.photons.values(energy)) == pytest.approx(light.mean(), abs=4.0 * error + 3e-3 * light.mean())
    assert float(profile.photons_rms.values(energy)) == pytest.approx(light.std(), rel=4.0 / np.sqrt(2.0 * events))
    by_event = np.bincount(flashes.event, flashes.z) / np.bincount(flashes.event)
    nodes = on_host(lambda p, e: p.nodes(e), profile, energy)
    share = nodes.light.sum(axis=1) / nodes.light.sum()
    sigma = by_event.std() / np.sqrt(events)
    assert (share * nodes.distance).sum() == pytest.approx(flashes.z.mean(), abs=4.0 * sigma + 5e-3 * flashes.z.mean())
    assert float(profile.distance.values(energy)) == pytest.approx(flashes.z.mean(), abs=4.0 * sigma)
    assert (share * nodes.time).sum() == pytest.approx(flashes.time.mean(), abs=4.0 * sigma / 0.29 + 0.02)
    angles = np.histogram(flashes.angle, np.radians([0.0, 30.0, 38.0, 41.0, 44.0, 60.0, 90.0, 180.0]))[0] / len(
        flashes.z
    )
    found = (
        np.diff(np.append(0.0, nodes.light.sum(axis=0).cumsum()[[59, 75, 81, 87, 119, 179, 224]])) / nodes.light.sum()
    )
    np.testing.assert_allclose(found, angles, atol=0.01)
