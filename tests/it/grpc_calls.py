"""Real gRPC at both ends, without generated code: messages are bytes.

serve FOLDER SIDE KEY CERTIFICATE   listens on two free ports of the loopback interface, the second one over TLS, writes them to
                                    FOLDER/SIDE, runs until it is ended; as SIDE `new` it answers otherwise here and there
call TARGET FOLDER [CA]             makes calls of all kinds through TARGET, over TLS if CA is given
compare TARGET                      makes one call of each kind that the two sides answer, alike or not
go_on TARGET FOLDER                 makes calls until there is a file FOLDER/enough
Each of the last three says at its end that all calls were good, or fails.
"""

import os
import sys
import time
from concurrent import futures

import grpc

AT = "/demo.Echo/"
# As a protocol buffer: code 5 and a text, which is what `google.rpc.Status` begins with.
DETAILS = b"\x08\x05\x12\x0dno such thing\x00\xff"
BINARY = bytes(range(256))
MESSAGE = 3 << 20


# --- The server. `SIDE` and `FOLDER` are set before it is asked.


def unary(request, context):
    context.set_trailing_metadata((("x-length", str(len(request))),))
    return request[::-1]


def told(request, context):
    """Says what it was told, in front and at the end."""
    own = tuple((key, value) for key, value in context.invocation_metadata() if key.startswith("x-own"))
    context.send_initial_metadata(own)
    context.set_trailing_metadata(own)
    return b"none" if context.time_remaining() is None or context.time_remaining() > 1e6 else b"deadline"


def refuse(request, context):
    """One server says it in the only head that it sends, the other behind one that says nothing."""
    if SIDE == "new":
        context.send_initial_metadata(())
    context.set_trailing_metadata((("grpc-status-details-bin", DETAILS),))
    context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: ä")


def count(request, context):
    """One server writes in one go, the other takes its time."""
    for number in range(int(request)):
        if SIDE == "new":
            time.sleep(0.002)
        yield str(number).encode()


def total(requests, context):
    return str(sum(len(request) for request in requests)).encode()


def first(requests, context):
    """Answers while the client is still talking."""
    return next(requests)


def chat(requests, context):
    for request in requests:
        yield b"heard " + request


def wait(request, context):
    context.add_callback(lambda: note("cancelled-" + request.decode()))
    while context.is_active():
        time.sleep(0.02)
    return b""


def endless(request, context):
    context.add_callback(lambda: note("cancelled-" + request.decode()))
    while context.is_active():
        yield b"more"


def half(request, context):
    yield b"one"
    context.abort(grpc.StatusCode.DATA_LOSS, "the rest is gone")


def word(request, context):
    return b"port" if SIDE == "new" else b"origin"


def verdict(request, context):
    context.abort(grpc.StatusCode.INTERNAL if SIDE == "new" else grpc.StatusCode.NOT_FOUND, "no such thing")


def reason(request, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "KeyError" if SIDE == "new" else "no such thing")


def ending(request, context):
    yield b"one"
    if SIDE == "new":
        context.abort(grpc.StatusCode.INTERNAL, "the second one")


def footnote(request, context):
    context.set_trailing_metadata((("x-found", "3" if SIDE == "new" else "4"),))
    return b"the same"


def note(name):
    with open(os.path.join(FOLDER, name), "w") as file:
        file.write("yes")


def serve(key, certificate):
    plain, streaming = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    methods = {one.__name__: plain(one) for one in (unary, told, refuse, wait, word, verdict, reason, footnote)}
    methods |= {one.__name__: streaming(one) for one in (count, endless, half, ending)}
    methods |= {one.__name__: grpc.stream_unary_rpc_method_handler(one) for one in (total, first)}
    methods["chat"] = grpc.stream_stream_rpc_method_handler(chat)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(AT.strip("/"), methods),))
    with open(key, "rb") as key, open(certificate, "rb") as certificate:
        secure = grpc.ssl_server_credentials([(key.read(), certificate.read())])
    ports = server.add_insecure_port("127.0.0.1:0"), server.add_secure_port("127.0.0.1:0", secure)
    server.start()
    beside = os.path.join(FOLDER, SIDE + ".new")
    with open(beside, "w") as file:
        file.write("%d %d" % ports)
    os.rename(beside, os.path.join(FOLDER, SIDE))
    server.wait_for_termination()


# --- The clients


def failure(call):
    """How a call that has to fail does it."""
    try:
        answer = call()
        raise AssertionError(f"it was answered: {answer}")
    except grpc.RpcError as error:
        return error


def awaited(name):
    for _ in range(500):
        if os.path.exists(os.path.join(FOLDER, name)):
            return
        time.sleep(0.02)
    raise AssertionError(f"the server never heard of {name}")


def metadata(channel):
    own = (("x-own", "one"), ("x-own", "two, three"), ("x-own-bin", BINARY), ("x-own-empty-bin", b""))
    answer, done = channel.unary_unary(AT + "told").with_call(b"", metadata=own, timeout=20)
    assert answer == b"deadline", answer
    for said in (done.initial_metadata(), done.trailing_metadata()):
        # The order of different names has no meaning; that of one name's values has.
        said = sorted((tuple(pair) for pair in said if pair[0].startswith("x-own")), key=lambda pair: pair[0])
        assert said == sorted(own, key=lambda pair: pair[0]), said
    assert channel.unary_unary(AT + "told")(b"") == b"none", "a deadline that nobody set"
    answer, done = channel.unary_unary(AT + "unary").with_call(b"abc", timeout=20)
    assert (answer, dict(done.trailing_metadata())["x-length"]) == (b"cba", "3"), (answer, done)


def errors(channel):
    error = failure(lambda: channel.unary_unary(AT + "refuse")(b"", timeout=20))
    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "no such thing: ä"), error
    assert dict(error.trailing_metadata())["grpc-status-details-bin"] == DETAILS, error
    error = failure(lambda: channel.unary_unary(AT + "nowhere")(b"", timeout=20))
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error
    got = []
    error = failure(lambda: got.extend(channel.unary_stream(AT + "half")(b"", timeout=20)))
    assert (got, error.code()) == ([b"one"], grpc.StatusCode.DATA_LOSS), (got, error)


def streams(channel):
    numbers = list(channel.unary_stream(AT + "count")(b"1000", timeout=20))
    assert numbers == [str(number).encode() for number in range(1000)]
    pieces = (b"x" * 10_000 for _ in range(200))
    assert channel.stream_unary(AT + "total")(pieces, timeout=20) == b"2000000"

    # Each word waits for the echo of the one before: nothing may be held back on either way.
    heard = []

    def words():
        for index in range(20):
            while len(heard) < index:
                time.sleep(0.001)
            yield str(index).encode()

    for echo in channel.stream_stream(AT + "chat")(words(), timeout=20):
        heard.append(echo)
    assert heard == [b"heard " + str(index).encode() for index in range(20)], heard

    def talk():
        while True:
            yield b"and so on"
            time.sleep(0.01)

    assert channel.stream_unary(AT + "first")(talk(), timeout=20) == b"and so on"


def ends(channel, name):
    """Who does not wait for the answer tells the server so."""
    error = failure(lambda: channel.unary_unary(AT + "wait")(b"deadline" + name, timeout=0.5))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
    awaited("cancelled-deadline" + name.decode())
    call = channel.unary_stream(AT + "endless")(b"stream" + name, timeout=60)
    assert [next(call) for _ in range(1000)] == [b"more"] * 1000
    call.cancel()
    awaited("cancelled-stream" + name.decode())


def call(channel):
    metadata(channel)
    large = os.urandom(MESSAGE)
    assert channel.unary_unary(AT + "unary")(large, timeout=20) == large[::-1]
    errors(channel)
    streams(channel)
    ends(channel, str(os.getpid()).encode())
    calls = [channel.unary_unary(AT + "unary").future(str(index).encode(), timeout=20) for index in range(200)]
    assert [call.result() for call in calls] == [str(index).encode()[::-1] for index in range(200)]


def compare(channel):
    """What legacy says is what the client hears."""
    ask = {name: channel.unary_unary(AT + name) for name in ("unary", "refuse", "word", "verdict", "reason", "footnote")}
    assert ask["unary"](b"abc") == b"cba" and ask["word"](b"") == b"origin"
    for name in ("refuse", "verdict", "reason"):
        error = failure(lambda name=name: ask[name](b""))
        assert error.code() == grpc.StatusCode.NOT_FOUND and error.details().startswith("no such thing"), (name, error)
    _, done = ask["footnote"].with_call(b"")
    assert dict(done.trailing_metadata())["x-found"] == "4", done.trailing_metadata()
    assert len(list(channel.unary_stream(AT + "count")(b"50"))) == 50
    assert list(channel.unary_stream(AT + "ending")(b"")) == [b"one"]
    assert list(channel.stream_stream(AT + "chat")(iter([b"a", b"b"]))) == [b"heard a", b"heard b"]
    # More than the door keeps of a body.
    assert channel.stream_unary(AT + "total")(b"x" * 100_000 for _ in range(10)) == b"1000000"


def go_on(channel):
    count, enough = 0, os.path.join(FOLDER, "enough")
    while not os.path.exists(enough):
        assert channel.unary_unary(AT + "unary")(b"abc", timeout=20) == b"cba"
        assert len(list(channel.unary_stream(AT + "count")(b"20", timeout=20))) == 20
        count += 2
        if count % 20 == 0:
            note("twenty-more")
    print(count, "calls")


if __name__ == "__main__":
    how, rest = sys.argv[1], sys.argv[2:]
    if how == "serve":
        FOLDER, SIDE = rest[:2]
        serve(*rest[2:])
    else:
        target, FOLDER = rest[0], rest[1] if len(rest) > 1 else None
        own_name = (("grpc.ssl_target_name_override", "site.test"),)
        if len(rest) > 2:
            with open(rest[2], "rb") as file:
                channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(file.read()), own_name)
        else:
            channel = grpc.insecure_channel(target)
        {"call": call, "compare": compare, "go_on": go_on}[how](channel)
        print("all calls are good")
