"""python-socketio's asyncio client."""

import asyncio

import socketio

import rest


async def test_failover_arrives_without_a_gap():
    stream = await asyncio.to_thread(rest.protected_stream, "Press room")
    client, events, done = socketio.AsyncClient(reconnection=False), [], asyncio.Event()

    async def on_event(name, data):
        events.append((name, data))
        moved = any(n == "stream_failover" and d["phase"] == "completed" for n, d in events)
        if moved and name == "stream_health":
            done.set()

    client.on("*", on_event)
    key, _ = await asyncio.to_thread(rest.make_key, "async")
    await client.connect(rest.SERVER, auth={"token": key}, wait_timeout=10)
    answer = await client.call("subscribe", {"stream_id": stream}, timeout=10)
    assert answer["status"] == "ok", answer
    path = f"/api/streams/{stream}/failover"
    await asyncio.to_thread(rest.call, "POST", path, {"reason": "client test"})
    await asyncio.wait_for(done.wait(), rest.PATIENCE)
    await client.call("unsubscribe", {"stream_id": stream}, timeout=10)
    await client.disconnect()
    rest.check_failover(events, stream)


async def test_expiring_key_ends_the_connection():
    client, gone = socketio.AsyncClient(reconnection=False), asyncio.Event()

    async def on_disconnect(*_):
        gone.set()

    client.on("disconnect", on_disconnect)
    key, _ = await asyncio.to_thread(rest.make_key, "short", "read", 2)
    await client.connect(rest.SERVER, auth={"token": key}, wait_timeout=10)
    await asyncio.wait_for(gone.wait(), rest.PATIENCE)
    await client.disconnect()


for test in (test_failover_arrives_without_a_gap, test_expiring_key_ends_the_connection):
    asyncio.run(test())
    print("ok", test.__name__)
