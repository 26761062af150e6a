"""Real gRPC at both ends, without generated code: messages are bytes.

serve FOLDER        listens on a free port of the loopback interface, writes it to FOLDER/port, runs until it is ended
call TARGET [CA]    makes calls of all kinds through TARGET, over TLS if CA is given, and says so if all of them are good
"""

import os
import sys
import time
from concurrent import futures

import grpc

SERVICE = "demo.Echo"


def unary(request, context):
    context.set_trailing_metadata((("x-length", str(len(request))),))
    return request[::-1]


def refuse(request, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: ä")


def count(request, context):
    for number in range(int(request)):
        yield str(number).encode()


def total(requests, context):
    return str(sum(len(request) for request in requests)).encode()


def chat(requests, context):
    for request in requests:
        yield b"heard " + request


def slow(request, context):
    while context.is_active():
        time.sleep(0.02)
    with open(os.path.join(FOLDER, "cancelled"), "w") as file:
        file.write("yes")
    return b""


def half(request, context):
    yield b"one"
    context.abort(grpc.StatusCode.DATA_LOSS, "the rest is gone")


def serve():
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Refuse": grpc.unary_unary_rpc_method_handler(refuse),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Total": grpc.stream_unary_rpc_method_handler(total),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
        "Slow": grpc.unary_unary_rpc_method_handler(slow),
        "Half": grpc.unary_stream_rpc_method_handler(half),
    }
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    beside = os.path.join(FOLDER, "port.new")
    with open(beside, "w") as file:
        file.write(str(port))
    os.rename(beside, os.path.join(FOLDER, "port"))
    server.wait_for_termination()


def call(target, authority):
    if authority is None:
        channel = grpc.insecure_channel(target)
    else:
        with open(authority, "rb") as file:
            trust = grpc.ssl_channel_credentials(file.read())
        channel = grpc.secure_channel(target, trust, (("grpc.ssl_target_name_override", "site.test"),))
    at = f"/{SERVICE}/"

    answer, done = channel.unary_unary(at + "Unary").with_call(b"abc", metadata=(("x-own-bin", b"\0\xff"),), timeout=20)
    assert answer == b"cba", answer
    assert dict(done.trailing_metadata())["x-length"] == "3", done.trailing_metadata()
    large = os.urandom(3_000_000)
    assert channel.unary_unary(at + "Unary")(large, timeout=20) == large[::-1]

    try:
        channel.unary_unary(at + "Refuse")(b"", timeout=20)
        raise AssertionError("no error came")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
        assert error.details() == "no such thing: ä", error.details()

    numbers = list(channel.unary_stream(at + "Count")(b"1000", timeout=20))
    assert numbers == [str(number).encode() for number in range(1000)]
    pieces = (b"x" * 10_000 for _ in range(200))
    assert channel.stream_unary(at + "Total")(pieces, timeout=20) == b"2000000"

    # Each word waits for the echo of the one before: nothing may be held back on either way.
    heard = []

    def words():
        for index in range(20):
            while len(heard) < index:
                time.sleep(0.001)
            yield str(index).encode()

    for echo in channel.stream_stream(at + "Chat")(words(), timeout=20):
        heard.append(echo)
    assert heard == [b"heard " + str(index).encode() for index in range(20)], heard

    try:
        channel.unary_unary(at + "Slow")(b"", timeout=0.3)
        raise AssertionError("it ended in time")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error

    got = []
    try:
        for piece in channel.unary_stream(at + "Half")(b"", timeout=20):
            got.append(piece)
        raise AssertionError("no error came")
    except grpc.RpcError as error:
        assert (got, error.code()) == ([b"one"], grpc.StatusCode.DATA_LOSS), (got, error)
    calls = [channel.unary_unary(at + "Unary").future(str(index).encode(), timeout=20) for index in range(200)]
    assert [call.result() for call in calls] == [str(index).encode()[::-1] for index in range(200)]
    print("all calls are good")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        FOLDER = sys.argv[2]
        serve()
    else:
        call(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None)
