"""A runtime of few lines that speaks the Runtime API over the standard library, and misbehaves as its argument says."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time

how = sys.argv[1]
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def call(method, path, body=None, headers={}):
    api.request(method, "/2018-06-01/runtime/" + path, body, headers)
    response = api.getresponse()
    return response, response.read()


def answer(identity, result):
    response, _ = call("POST", f"invocation/{identity}/response", json.dumps(result))
    return response.status


def error(path):
    body = json.dumps({"errorMessage": "it broke", "errorType": "Broken"})
    return call("POST", path, body, {"Lambda-Runtime-Function-Error-Type": "Broken"})


class Stream:
    """An answer that is sent bit by bit, byte by byte as it is to stand on the wire."""

    HEAD = {"statusCode": 201, "headers": {"x-a": "b"}, "cookies": []}

    def __init__(self, identity, head=HEAD, media="application/vnd.awslambda.http-integration-response"):
        self.socket = connected()
        self.socket.sendall(
            f"POST /2018-06-01/runtime/invocation/{identity}/response HTTP/1.1\r\nHost: runtime\r\n"
            "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
            "Trailer: Lambda-Runtime-Function-Error-Type\r\nTrailer: Lambda-Runtime-Function-Error-Body\r\n"
            f"Content-Type: {media}\r\n\r\n".encode()
        )
        if head is not None:
            self.part(json.dumps(head).encode() + bytes(8))

    def part(self, data):
        self.socket.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self, trailers=""):
        self.socket.sendall(f"0\r\n{trailers}\r\n".encode())
        status = self.socket.recv(65536).split(b" ")[1]
        self.socket.close()
        return int(status)


def gate(says=""):
    """Tells this to whoever holds the gate, and waits until it is open."""
    host, port = os.environ["GATE"].split(":")
    with socket.create_connection((host, int(port))) as gate:
        gate.sendall(says.encode())
        gate.shutdown(socket.SHUT_WR)
        gate.recv(1)


def connected():
    """A connection of its own to the Runtime API."""
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    return socket.create_connection((host, int(port)))


def endless(identity):
    """Answers without end, until nobody takes more; how many bytes were taken."""
    answer, sent = Stream(identity, None, "application/json"), 0
    try:
        while True:
            answer.part(bytes(65536))
            sent += 65536
    except OSError:
        return sent


def late(identity):
    """A process that outlives this one and its group. When the gate opens it answers over a connection that it has had; when it opens
    again, over a new one. Then it tells whether the first was closed."""
    held = connected()
    if os.fork():
        return
    os.setsid()
    # What prints is read to its end, and a connection is served to its end: nothing of its parent's may be held.
    os.close(1)
    os.close(2)
    api.close()
    held.settimeout(10)
    gate(str(os.getpid()))
    gate(answered(held, identity))
    gate(answered(connected(), identity))
    gate(answered(held, identity))
    os._exit(0)


def answered(connection, identity):
    """The status of an answer over this connection."""
    answer = b'{"statusCode": 200, "body": "late"}'
    head = f"POST /2018-06-01/runtime/invocation/{identity}/response HTTP/1.1\r\nHost: h\r\nContent-Length: {len(answer)}\r\n\r\n"
    try:
        connection.sendall(head.encode() + answer)
        return connection.recv(65536).decode().split(" ")[1]
    except (ConnectionError, IndexError):
        return "closed"


def served(connections):
    """How many connections are served at once of as many as are opened and kept."""
    kept = [connected() for _ in range(connections)]
    for at, connection in enumerate(kept):
        connection.settimeout(0.5)
        connection.sendall(b"GET /2018-06-01/runtime/nothing HTTP/1.1\r\nHost: h\r\n\r\n")
        try:
            connection.recv(65536)
        except TimeoutError:
            return kept, at
    return kept, connections


def stalled(stream, parts):
    """Sends parts until one is not taken within a while, and tells how many were."""
    stream.socket.settimeout(0.3)
    for sent in range(parts):
        try:
            stream.part(bytes(65536))
        except TimeoutError:
            return sent
    return parts


def stream(identity):
    answer = Stream(identity, None if how == "stream-headless" else Stream.HEAD)
    answer.part(b"part1-")
    if how in ("stream-gated", "stream-twice"):
        gate()
    if how == "stream-exit":
        os._exit(7)
    if how == "stream-silent":
        time.sleep(600)
    if how == "stream-closed":
        answer.socket.close()
        return
    if how == "stream-twice":
        statuses.append(call("POST", f"invocation/{identity}/response", b"{}")[0].status)
    if how == "stream-stalled":
        gate(str(stalled(answer, 2048)))
        answer.socket.close()
        return
    answer.part(b"part2")
    if how == "stream-error":
        answer.end("Lambda-Runtime-Function-Error-Type: Broken\r\nLambda-Runtime-Function-Error-Body: e30=\r\n")
    else:
        answer.end()


if how == "init-error":
    error("init/error")
    sys.exit(1)
if how == "init-crash":
    sys.exit(3)
if how == "silent":
    time.sleep(600)

# Results that are no answers, or ones that nobody should send.
BAD = {
    "bad-utf8": b'{"statusCode": 200, "body": "\xff\xfe"}',
    "bad-json": b'{"statusCode": 200,',
    "bad-base64": b'{"statusCode": 200, "isBase64Encoded": true, "body": "%%%"}',
    "bad-headers": b'{"statusCode": 200, "headers": ["x"]}',
    "bad-status": b'{"statusCode": "many"}',
    "huge-headers": json.dumps({"statusCode": 200, "headers": {"x-a": "a" * (5 << 20)}}).encode(),
}

child = None
kept = []
if how == "leak":
    child = subprocess.Popen(["sleep", "600"]).pid
statuses = []
count = 0
while True:
    response, event = call("GET", "invocation/next")
    identity = response.headers["Lambda-Runtime-Aws-Request-Id"]
    count += 1
    said = {"pid": os.getpid(), "count": count, "child": child, "statuses": statuses}
    query = json.loads(event).get("queryStringParameters") or {}
    if how == "exit":
        os._exit(7)
    if how == "fork":
        child = os.fork()
        if child == 0:
            time.sleep(600)
        gate(str(child))
        os._exit(7)
    if how == "never":
        time.sleep(600)
    if how == "late":
        if "late" in query:
            late(identity)
            time.sleep(600)
        gate()
    if how == "endless":
        statuses.append(endless(identity))
        api.close()
        how = "well"
        continue
    if how == "error":
        error(f"invocation/{identity}/error")
        continue
    if how == "garbage":
        call("POST", f"invocation/{identity}/response", b"\x00\xff no JSON")
        continue
    if how == "too-large":
        response, _ = call("POST", f"invocation/{identity}/response", b"x" * (7 << 20))
        statuses = [response.status]
        how = "well"
        continue
    if how in BAD:
        call("POST", f"invocation/{identity}/response", BAD[how])
        continue
    if how == "half":
        Stream(identity, None).part(b'{"statusCode": 200')
        os._exit(7)
    if how == "other-id":
        statuses.append(answer("00000000-0000-4000-8000-000000000000", {"statusCode": 200}))
    if how == "slow":
        time.sleep(0.4)
    if how == "connections":
        kept, at_once = served(64)
        statuses.append(at_once)
    if how == "one-line":
        for _ in range(128):
            os.write(1, b"x" * 65536)
    if how == "flood":
        for _ in range(40):
            os.write(1, b"a line of what nobody asked for\n" * 8192)
    if how == "environment":
        said = {"names": sorted(os.environ), "secret": os.environ.get("SECRET")}
    if how == "echo":
        said = {"event": json.loads(event), "headers": sorted(name.lower() for name in response.headers)}
    if how == "twice":
        answer(identity, {"statusCode": 200, "body": json.dumps(said)})
        statuses = [answer(identity, {"statusCode": 500}), answer("00000000-0000-4000-8000-000000000000", {})]
        continue
    if how.startswith("stream-"):
        stream(identity)
        continue
    if how == "stream":
        head = json.dumps({"statusCode": 201, "headers": {"x-a": "b"}, "cookies": []}).encode()
        chunks = iter([head, b"\x00" * 8, b"part1-", b"part2"])
        headers = {
            "Lambda-Runtime-Function-Response-Mode": "streaming",
            "Content-Type": "application/vnd.awslambda.http-integration-response",
        }
        api.request("POST", f"/2018-06-01/runtime/invocation/{identity}/response", chunks, headers, encode_chunked=True)
        api.getresponse().read()
        continue
    answer(identity, {"statusCode": 200, "body": json.dumps(said)})
    if how == "once":
        time.sleep(600)
