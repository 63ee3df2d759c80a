// The npm socket.io-client.
import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { io } from "socket.io-client";

const { SERVER_URL, ADMIN_KEY } = process.env;
const PATIENCE = 30_000;

async function call(method, path, body) {
  const answer = await fetch(SERVER_URL + path, {
    method,
    headers: { Authorization: `Bearer ${ADMIN_KEY}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}

async function until(what, holds) {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await pause(100)) {
    const found = await holds();
    if (found) return found;
  }
  throw new Error(`never happened: ${what}`);
}

const connect = (auth) => io(SERVER_URL, { auth, reconnection: false, forceNew: true });

async function refusesBeforeAnyEvent() {
  for (const [auth, code] of [[{}, "key_missing"], [{ token: "nonsense" }, "key_malformed"]]) {
    const socket = connect(auth);
    const events = [];
    socket.onAny((name) => events.push(name));
    const [error] = await once(socket, "connect_error");
    assert.match(error.message, new RegExp(code));
    assert.deepEqual(events, []);
    socket.close();
  }
}

async function tellsOfAFailoverWithoutAGap() {
  const stream = await until("a protected stream", async () => {
    const { items } = await call("GET", "/api/streams");
    return items.find((item) => item.name === "Press room" && item.backup.ready)?.stream_id;
  });
  const { key, key_id: keyId } = await call("POST", "/api/keys", { name: "node", scope: "read" });
  const socket = connect({ token: key });
  const events = [];
  socket.onAny((name, data) => events.push([name, data]));
  await once(socket, "connect");
  const answer = await socket.timeout(10_000).emitWithAck("subscribe", { stream_id: stream });
  assert.equal(answer.status, "ok");
  assert.equal(answer.snapshot.stream_id, stream);
  const wrong = await socket.timeout(10_000).emitWithAck("subscribe", { encoder_id: "nobody" });
  assert.equal(wrong.status, "error");

  await call("POST", `/api/streams/${stream}/failover`, { reason: "client test" });
  const moves = () => events.filter(([name]) => name === "stream_failover").map(([, data]) => data);
  await until("the failover is over", () => moves().some((move) => move.phase === "completed"));
  assert.deepEqual(moves().map((move) => move.phase), ["start", "confirm", "completed"]);
  const sequences = events.map(([, data]) => data.sequence);
  assert.deepEqual(sequences, sequences.map((_, place) => answer.sequence + 1 + place));

  const gone = once(socket, "disconnect");
  await call("DELETE", `/api/keys/${keyId}`);
  await Promise.race([gone, pause(PATIENCE, null, { ref: false }).then(() => assert.fail("still connected"))]);
}

for (const test of [refusesBeforeAnyEvent, tellsOfAFailoverWithoutAGap]) {
  await test();
  console.log("ok", test.name);
}
