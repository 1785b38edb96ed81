"""The event display as a person uses it, in a headless browser with software rendering."""

import numpy as np
import pytest
from _browser import browser, missing

from lampyris import catalog
from lampyris.display import Prediction, Shown, photon_ways, write_display
from lampyris.display.photons import FATES
from lampyris.display.server import EventServer
from lampyris.response import Hits
from lampyris.source import Track

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
SLOWEST = 10.0  # frames a second


def ring_event(detector, number):
    """A ring of light about a track, without any transport, and what one would expect of it."""
    draw = np.random.default_rng(number)
    track = Track("mu-", 900.0, [1.0 + number, -2.0, 3.0], [0.6, 0.0, -0.8], 2.0)
    away = np.asarray(detector.sensors.position) - np.asarray(track.position)
    distance = np.linalg.norm(away, axis=1)
    angle = np.degrees(np.arccos(away @ np.asarray(track.direction) / distance))
    mean = 0.02 + 8.0 * np.exp(-0.5 * ((angle - 40.0) / 3.0) ** 2) * (10.0 / distance) ** 2
    charge = draw.poisson(mean).astype("f4")
    hit = charge > 0
    time = np.where(hit, 2.0 + distance / 0.217 + draw.normal(0.0, 2.0, len(hit)), 0.0)
    prediction = Prediction("truth", mean, 2.0 + distance / 0.217)
    return Shown(number, Hits(charge, time.astype("f4"), hit), track, track, prediction)


@pytest.fixture(scope="module")
def window():
    with browser() as opened:
        yield opened


def has(window, script):
    return window.run(f"return {script}")


@pytest.mark.parametrize("name", ["SK", "HK"])
def test_every_sensor_is_drawn_and_it_is_smooth(window, name, tmp_path):
    detector = catalog.load(name)
    page = tmp_path / "page.html"
    write_display(page, detector, [ring_event(detector, 0)], title=name)
    window.open(page.as_uri())
    # every sensor owns a pixel of the map once the page is large enough for all of them
    window.run("await lampyris.measure(1)")
    drawn = has(window, "new Set(lampyris.pixels()[1]).size - 1")
    assert drawn >= 0.98 * detector.sensors.count
    seen = has(window, "new Set([...lampyris.pixels()[0], ...lampyris.pixels()[1]]).size - 1")
    assert seen >= drawn
    frames = max(has(window, "await lampyris.measure(15)") for _ in range(2))
    assert frames >= SLOWEST
    assert window.messages() == []
    # nothing but the page itself was loaded
    assert has(window, "performance.getEntriesByType('resource').length") == 0


@pytest.fixture(scope="module")
def eos():
    return catalog.load("Eos")


@pytest.fixture
def page(window, eos, tmp_path):
    path = tmp_path / "events.html"
    empty = Hits(*(np.zeros(eos.sensors.count, kind) for kind in ("f4", "f4", bool)))
    small = [ring_event(eos, number)._replace(truth=inside(number), fit=inside(number + 0.2)) for number in (0, 1)]
    write_display(path, eos, [*small, Shown(5, empty)], title="<b>Eos</b> & co")
    window.open(path.as_uri())
    yield path
    assert window.messages() == []


def inside(shift):
    return Track("mu-", 200.0, [0.1 * shift, 0.0, 0.0], [0.6, 0.0, 0.8], 0.0)


def test_names_are_text(window, page):
    assert has(window, "document.getElementById('title').textContent") == "<b>Eos</b> & co"
    assert has(window, "document.querySelectorAll('h1 b').length") == 0


def test_keys_navigate_and_colour(window, page):
    for mode in ("time", "predicted", "pull", "delay", "charge"):
        window.press(str(1 + ["charge", "time", "predicted", "pull", "delay"].index(mode)))
        assert has(window, "lampyris.state.mode") == mode
    window.press("n")
    window.run("await new Promise(r => setTimeout(r, 300))")
    assert has(window, "[lampyris.state.index, document.getElementById('number').value]") == [1, "1"]
    window.press("n")
    window.run("await new Promise(r => setTimeout(r, 300))")
    assert has(window, "document.getElementById('summary').textContent").startswith("0 of 242")
    assert has(window, "document.getElementById('next').disabled")
    # an event without a prediction falls back to the charge and offers no residuals
    assert has(window, "[...document.querySelectorAll('#modes button')].filter(b => !b.hidden).length") == 2
    window.press("p", "f", "?")
    assert has(window, "[...lampyris.state.hidden]") == ["fit"]
    assert has(window, "document.getElementById('keys').hidden") is False


def test_time_plays_the_event(window, page):
    window.press(" ")
    window.run("await new Promise(r => setTimeout(r, 1500))")
    first = has(window, "[lampyris.state.playing, lampyris.state.cursor]")
    window.run("await new Promise(r => setTimeout(r, 700))")
    window.press(" ")
    later = has(window, "[lampyris.state.playing, lampyris.state.cursor]")
    assert (first[0], later[0]) == (True, False)
    assert later[1] > first[1]
    text = has(window, "document.getElementById('now').textContent")
    assert text.startswith("until")
    window.run("lampyris.setCursor(0)")
    window.run("await new Promise(r => requestAnimationFrame(r))")
    assert ": 0 of" in has(window, "document.getElementById('now').textContent")


def test_hover_tells_the_channel_in_both_views(window, page):
    place = """const [, ids] = lampyris.pixels(), box = document.getElementById('flat').getBoundingClientRect();
        const width = document.getElementById('flat').width, at = ids.findIndex(id => id === 30);
        return [box.left + at % width + 1, box.top + Math.floor(at / width) + 1].map(Math.round)"""
    window.move_to(*window.run(place))
    assert has(window, "lampyris.state.hovered") == 30
    facts = has(window, "document.getElementById('facts').textContent")
    assert "predicted" in facts
    assert "to vertex" in facts


def test_photons_fly_and_can_be_hidden(window, eos, tmp_path):
    path, track = tmp_path / "photons.html", inside(0)
    ways = photon_ways(eos, track, photons=150)
    lit = ring_event(eos, 0)._replace(truth=track, fit=None, photons=ways)
    write_display(path, eos, [lit, lit._replace(number=1, photons=None, note="no photons: for <b>this</b> reason")])
    window.open(path.as_uri())
    told = has(window, "lampyris.state.event.photons.fates.map(f => f.count)")
    assert told == [int((ways.fate == kind).sum()) for kind, *_ in FATES]
    last = has(window, "lampyris.state.event.photons.ways.map(w => w.points[w.points.length - 1])")
    ends = ways.points[np.arange(ways.count), ways.pieces]
    np.testing.assert_allclose(last, ends, atol=1e-5)
    assert str(int(ways.emitted)) in has(window, "document.getElementById('photons').textContent").replace(",", "")
    # lines of what is detected grow with time and vanish with the key
    count = """(() => { const c = document.getElementById('space'), {width, height} = c;
        const pen = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
        pen.drawImage(c, 0, 0);
        const d = pen.getImageData(0, 0, width, height).data;
        let n = 0;
        for (let i = 0; i < d.length; i += 4) n += d[i + 1] > d[i] + 40 && d[i + 1] > d[i + 2] + 10;
        return n; })()"""  # bluish green: detected
    drawn = []
    for share in (0.0, 0.5, 1.0):
        window.run(f"lampyris.setCursor({share})")
        window.run("await new Promise(r => setTimeout(r, 200))")
        drawn.append(has(window, count))
    assert drawn[0] < 0.2 * drawn[2]
    assert drawn[0] < 0.5 * drawn[1]  # later lines of other fates may hide a few pixels
    assert drawn[2] > 300
    window.press("l")
    window.run("await new Promise(r => setTimeout(r, 200))")
    assert has(window, count) < 0.2 * drawn[2]
    window.press("n")
    window.run("await new Promise(r => setTimeout(r, 300))")
    assert has(window, "document.getElementById('note').textContent") == "no photons: for <b>this</b> reason"
    assert has(window, "document.getElementById('photons').hidden")
    assert window.messages() == []


def test_picture_is_a_png_of_both_views(window, page):
    head, size = has(window, "(u => [u.slice(0, 22), u.length])(lampyris.savePicture())")
    assert head == "data:image/png;base64,"
    assert size > 50_000


def test_server_feeds_one_event_at_a_time(window, eos):
    import threading

    asked = []

    def load(number):
        asked.append(number)
        return ring_event(eos, number)._replace(truth=inside(number), fit=None)

    with EventServer(eos, load, 3, title="served", first=1) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        window.open(server.address)
        assert has(window, "document.getElementById('number').value") == "1"
        window.press("n")
        window.run("await new Promise(r => setTimeout(r, 800))")
        assert has(window, "lampyris.state.index") == 2
        assert asked == [1, 2]
        server.shutdown()
    assert [text for text in window.messages() if "favicon" not in text] == []
