import http.client
import json
import socket
import threading

import numpy as np
import pytest

from lampyris._checks import LampyrisError
from lampyris.display import Shown
from lampyris.display.server import EventServer
from lampyris.response import Hits


@pytest.fixture(scope="module")
def server(small_tank):
    count = small_tank.sensors.count
    hits = Hits(np.ones(count), np.arange(count, dtype=float), np.arange(count) % 2 == 0)

    def load(number):
        if number == 1:
            raise LampyrisError("events.h5 is damaged: no such luck.")
        return Shown(number, hits)

    with EventServer(small_tank, load, 2, title="tank") as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def get(server, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_only_this_machine_can_reach_it(server):
    assert server.server_address[0] == "127.0.0.1"
    assert server.address.startswith("http://127.0.0.1:")


def test_page_and_events(server, small_tank):
    status, page = get(server, "/")
    assert status == 200
    assert "connect-src 'self'" in page
    status, text = get(server, "/events/0")
    assert status == 200
    assert json.loads(text)["summary"].startswith(f"{small_tank.sensors.count // 2} of")


@pytest.mark.parametrize(
    "path",
    ["/events/2", "/events/-1", "/events/0x1", "/events/", "/etc/passwd", "/../etc/passwd", "/%2e%2e/", "/?a=1",
     "/events/0/..", "/events/" + "9" * 400],
)  # fmt: skip
def test_nothing_else_is_there(server, path):
    assert get(server, path)[0] == 404


def test_pages_of_other_names_are_refused(server):
    assert get(server, "/", Host="attacker.example")[0] == 403
    assert get(server, "/events/0", Host=f"localhost:{server.server_address[1]}")[0] == 200


def test_damaged_event_is_told(server):
    assert get(server, "/events/1") == (500, "events.h5 is damaged: no such luck.")


def test_busy_port_is_one_line(small_tank):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(
            LampyrisError, match=r"^Port \d+ of this machine is in use; choose another one, or 0 for any\.$"
        ):
            EventServer(small_tank, lambda number: None, 1, port=taken.getsockname()[1])
