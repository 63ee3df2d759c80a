"""python-socketio's blocking client."""

import threading

import socketio

import rest


def refused(**arguments):
    """The code with which a connection is refused, or nothing; no event may arrive before."""
    client = socketio.Client(reconnection=False)
    codes, events = [], []
    client.on("connect_error", lambda data: codes.append(data))
    client.on("*", lambda name, data: events.append(name))
    try:
        client.connect(rest.SERVER, wait_timeout=10, **arguments)
    except socketio.exceptions.ConnectionError:
        pass
    else:
        client.disconnect()
        return ""
    assert not events, events
    return str(codes[0])


def test_refusals():
    assert "key_missing" in refused()
    assert "key_malformed" in refused(auth={"token": "nonsense"})
    ended, _ = rest.make_key("ended", lasts=1)
    rest.until("the key has ended", lambda: "key_expired" in refused(auth={"token": ended}))


def test_header_and_acknowledgements():
    client = socketio.Client(reconnection=False)
    key, _ = rest.make_key("header")
    client.connect(rest.SERVER, headers={"Authorization": f"Bearer {key}"}, wait_timeout=10)
    stream = rest.protected_stream("Council meeting")
    answer = client.call("subscribe", {"stream_id": stream}, timeout=10)
    assert answer["status"] == "ok" and answer["sequence"] > 0, answer
    assert answer["snapshot"]["stream_id"] == stream, answer
    for wrong in ({"stream_id": "str_unknown"}, {"sream_id": stream}, [], "all"):
        answer = client.call("subscribe", wrong, timeout=10)
        assert answer["status"] == "error" and answer["code"], (wrong, answer)
    client.disconnect()


def test_failover_arrives_without_a_gap():
    stream = rest.protected_stream("Council meeting")
    client, events, done = socketio.Client(reconnection=False), [], threading.Event()

    @client.on("*")
    def on_event(name, data):
        events.append((name, data))
        if name == "stream_failover" and data["phase"] in ("completed", "failed"):
            done.set()

    key, _ = rest.make_key("sync")
    client.connect(rest.SERVER, auth={"token": key}, transports=["websocket"], wait_timeout=10)
    answer = client.call("subscribe", {"stream_id": stream}, timeout=10)
    rest.call("POST", f"/api/streams/{stream}/failover", {"reason": "client test"})
    assert done.wait(rest.PATIENCE), events
    rest.until("health after the failover", lambda: events[-1][0] == "stream_health")
    client.disconnect()
    assert events[0][1]["sequence"] == answer["sequence"] + 1, (answer, events[0])
    rest.check_failover(events, stream)


def test_revoked_key_ends_the_connection():
    client, gone = socketio.Client(reconnection=False), threading.Event()
    client.on("disconnect", lambda *_: gone.set())
    key, key_id = rest.make_key("revoked")
    client.connect(rest.SERVER, auth={"token": key}, wait_timeout=10)
    rest.call("DELETE", f"/api/keys/{key_id}")
    assert gone.wait(rest.PATIENCE), "still connected with a revoked key"


for test in (
    test_refusals,
    test_header_and_acknowledgements,
    test_failover_arrives_without_a_gap,
    test_revoked_key_ends_the_connection,
):
    test()
    print("ok", test.__name__)
