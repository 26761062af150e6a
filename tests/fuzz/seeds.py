"""The labelled pairs as inputs of the fuzz target: seeds.py CASES CORPUS."""

import base64
import hashlib
import json
import pathlib
import sys

MEDIA = ["json", "html", "xml", "plain", "ndjson", "png", "8859-1", "atom"]
CODINGS = ["", "gzip", "br", "zstd"]
STATUS = [200, 404, 302, 500, 204, 304]


def body(answer):
    if "body_base64" in answer:
        return base64.b64decode(answer["body_base64"])
    return answer.get("body", "").encode()


def header(answer, wanted):
    headers = answer.get("headers") or {}
    pairs = headers.items() if isinstance(headers, dict) else headers
    return " ".join(str(value) for name, value in pairs if name.lower() == wanted).lower()


def setting(choices, value, default=0):
    found = [at for at, choice in enumerate(choices) if choice and choice in value]
    return chr(ord("0") + (found[-1] if found else default))


def seed(case):
    answers = [case["control"], case["candidate"]]
    line = "".join(setting(MEDIA, header(answer, "content-type")) for answer in answers)
    line += "".join(setting(CODINGS, header(answer, "content-encoding")) for answer in answers)
    for answer in answers:
        status = answer.get("status", 200)
        line += chr(ord("0") + (STATUS.index(status) if status in STATUS else 0))
    line += "3" if "unordered" in (case.get("diff") or {}) else "2" if case.get("diff") else "0"
    return line.encode() + b"0\n" + body(answers[0]) + b"\n====\n" + body(answers[1])


def main(cases, corpus):
    for path in sorted(pathlib.Path(cases).glob("*.jsonl")):
        # Not splitlines(): bodies hold other ends of lines, as U+2028.
        for line in filter(None, path.read_text(encoding="utf-8").split("\n")):
            data = seed(json.loads(line))
            (pathlib.Path(corpus) / hashlib.sha1(data).hexdigest()).write_bytes(data)


main(*sys.argv[1:])
