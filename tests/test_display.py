import base64
import hashlib
import json
import re
import struct
import zlib

import jax.numpy as jnp
import numpy as np
import pytest

from lampyris._checks import LampyrisError
from lampyris.detector import Detector
from lampyris.display import Shown, predict, ring_on_wall, write_display, write_page
from lampyris.display.outline import outline
from lampyris.display.ring import opening_angle, track_on_wall, unroll
from lampyris.layout import barrel, caps, join
from lampyris.medium import Medium
from lampyris.plot import save_event
from lampyris.response import Hits
from lampyris.sensors import make_sensors
from lampyris.shape import Box, Cylinder, Sphere
from lampyris.simulate import expect
from lampyris.source import Track
from lampyris.surface import Lambertian

INDEX = 1.34
TANK = Cylinder(4.0, 6.0)


@pytest.fixture(scope="module")
def detector():
    placed = join(barrel(TANK, columns=20, rows=6, pitch=1.0, first_row=0.5), caps(TANK, count=44, pitch=0.9))
    return Detector(TANK, Medium(INDEX, 50.0), Lambertian(0.0), make_sensors(*placed, 0.25), name="<tank>")


@pytest.fixture(scope="module")
def track():
    direction = np.array([0.8, 0.3, -0.52])
    return Track("mu-", energy=600.0, position=[-1.0, 0.5, 0.3], direction=direction / np.linalg.norm(direction))


@pytest.fixture(scope="module")
def hits(detector):
    draw = np.random.default_rng(3)
    hit = draw.random(detector.sensors.count) < 0.3
    charge, time = draw.exponential(3.0, hit.size), draw.normal(20.0, 5.0, hit.size)
    return Hits(np.where(hit, charge, 0.0), np.where(hit, time, 0.0), hit)


def test_ring_lies_on_the_wall_at_the_right_angle(detector, track):
    pieces = ring_on_wall(detector, track)
    assert len(pieces) > 1  # this ring goes over an edge
    ring = np.concatenate(pieces)
    assert len(ring) > 350
    assert np.abs(np.asarray(TANK.signed_distance(ring))).max() < 1e-4
    away = ring - np.asarray(track.position)
    cosine = away @ np.asarray(track.direction) / np.linalg.norm(away, axis=1)
    gamma = 1.0 + 600.0 / 105.6583755
    np.testing.assert_allclose(cosine, 1.0 / (INDEX * np.sqrt(1.0 - gamma**-2)), atol=1e-4)


def test_pieces_of_a_ring_do_not_cross_the_map(detector):
    back = Track("mu-", energy=600.0, position=[0, 0, 0], direction=[-1, 0, 0])  # onto the seam of the barrel
    for flat in track_on_wall(detector, back).flat_rings:
        assert np.linalg.norm(np.diff(flat, axis=0), axis=1).max() < 0.5


def test_opening_angle_knows_the_particle(detector):
    medium = detector.medium
    assert opening_angle("e-", 1000.0, medium) == pytest.approx(np.arccos(1.0 / INDEX), abs=1e-4)
    assert opening_angle("mu-", 20.0, medium) is None
    assert opening_angle("pi+", 20.0, medium) == pytest.approx(np.radians(41.4))


def test_no_ring_from_outside(detector):
    outside = Track("mu-", energy=600.0, position=[9, 0, 0], direction=[-1, 0, 0])
    assert ring_on_wall(detector, outside) == []


def test_page_needs_no_network_and_escapes_names(detector, hits, track, tmp_path):
    path = tmp_path / "event.html"
    write_page(path, detector, hits, truth=track, fit=track, title="<script>alert(1)</script>")
    text = path.read_text()
    assert not re.search(r"<(script|img|iframe|link)\b[^>]*(src|href)\s*=\s*[\"']?(https?:)?//", text)
    assert "default-src 'none'" in text
    assert len(text) < 200_000
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "\\u003ctank>" in text
    assert "<tank>" not in text
    assert [entry.name for entry in tmp_path.iterdir()] == ["event.html"]


def unpack(text, kind):
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind)


def data_of(path):
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text(), re.DOTALL)[1])


def test_page_holds_sensors_and_every_hit(detector, hits, tmp_path):
    path = tmp_path / "event.html"
    write_page(path, detector, hits)
    data = data_of(path)
    position = unpack(data["detector"]["position"], "<f4").reshape(-1, 3)
    np.testing.assert_array_equal(position, np.asarray(detector.sensors.position))
    event = data["events"][0]
    channel = unpack(event["channel"], "<i4")
    np.testing.assert_array_equal(np.sort(channel), np.flatnonzero(hits.hit))
    np.testing.assert_array_equal(unpack(event["charge"], "<f4"), hits.charge[channel].astype("f4"))
    np.testing.assert_array_equal(unpack(event["time"], "<f4"), hits.time[channel].astype("f4"))


def test_page_runs_its_own_script_alone(detector, hits, tmp_path):
    path = tmp_path / "event.html"
    write_page(path, detector, hits)
    text = path.read_text()
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in text
    assert "connect-src 'none'" in text


def test_many_events_with_an_empty_one(detector, hits, track, tmp_path):
    empty = Hits(*(np.zeros(detector.sensors.count, kind) for kind in ("f4", "f4", bool)))
    path = tmp_path / "events.html"
    write_display(path, detector, [Shown(4, hits, track), Shown(7, empty)], title="two")
    data = data_of(path)
    assert data["numbers"] == [4, 7]
    assert data["events"][1]["summary"].startswith("0 of")
    assert data["events"][0]["tracks"][0]["name"] == "truth"
    with pytest.raises(LampyrisError, match="at least one event"):
        write_display(path, detector, [])


@pytest.mark.parametrize("shape", [TANK, Sphere(2.0), Box([2.0, 3.0, 4.0])], ids=lambda shape: type(shape).__name__)
def test_outline_lies_on_the_wall(shape):
    edges = outline(shape)
    points = np.concatenate(edges.space)
    assert np.abs(np.asarray(shape.signed_distance(points))).max() < 1e-5
    on_wall = np.concatenate(shape.face_samples(200)) * np.asarray(shape.half_extent())
    flat = np.asarray(unroll(shape, jnp.asarray(on_wall, float)))
    frame = np.concatenate(edges.flat)
    assert (flat >= frame.min(axis=0) - 1e-4).all()
    assert (flat <= frame.max(axis=0) + 1e-4).all()


def test_prediction_is_half_way_to_the_first_hit(small_tank):
    track = Track("mu-", energy=400.0, position=[0, 0, -1], direction=[0, 0, 1])
    prediction, expected = predict(small_tank, track, "fit"), expect(small_tank, track)
    np.testing.assert_allclose(prediction.charge, expected.total_charge, rtol=1e-5)
    _, until = expected.density_and_cumulative(jnp.asarray(prediction.time))
    none, any_hit = np.exp(-np.asarray(until)), -np.expm1(-prediction.charge)
    seen = prediction.charge > 0.1
    assert seen.sum() > 100
    np.testing.assert_allclose(((1.0 - none) / any_hit)[seen], 0.5, atol=2e-3)


def test_picture_has_its_size(detector, hits, track, tmp_path):
    path = tmp_path / "event.png"
    save_event(path, detector, hits, truth=track, title="half a $ and <script>")
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) == (2100, 1110)
    assert [entry.name for entry in tmp_path.iterdir()] == ["event.png"]


@pytest.mark.parametrize("save", [write_page, save_event])
def test_nothing_is_left_where_nothing_can_be_written(save, detector, hits, tmp_path):
    with pytest.raises(
        LampyrisError, match=rf"^`{save.__name__}\(path=...\)` must be a file that can be written"
    ) as error:
        save(tmp_path / "missing" / "event", detector, hits)
    assert "\n" not in str(error.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(LampyrisError, match="folder"):
        save(tmp_path / "folder", detector, hits)
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_hits_of_another_detector_are_refused(detector, tmp_path):
    with pytest.raises(LampyrisError, match="channels as the detector"):
        write_page(tmp_path / "x.html", detector, Hits(np.ones(3), np.ones(3), np.ones(3, bool)))
