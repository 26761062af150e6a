#!/usr/bin/env python3
"""The labelled pairs of real stacks: `tests/cases/diff/real-*.jsonl`.

    run.py record            starts the stacks, asks them, writes the files anew
    run.py check MATAPALO    starts the stacks, asks them, and has the built `matapalo` judge the fresh pairs: each must get its label
    run.py ... --only WORD   only the cases whose id has the word; `record` then prints them

A stack that is not installed is left out, loudly. Values that differ from one run to the next (dates, tokens) are kept as they came.
"""

import argparse
import base64
import concurrent.futures
import http.client
import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import case as cases_
import stacks

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / "cases" / "diff"
HOST = "site.example"
FIRST_IN_ROW = 'id label row reason at kind rule'.split()
AT_ONCE = 4  # questions under way


def all_cases():
    for file in sorted((HERE / "cases").glob("*.py")):
        importlib.import_module(f"cases.{file.stem}")
    return cases_.CASES


def ask(port, path, question, folder):
    """One answer with its headers as they came, in their order. Where the site lies here is nobody's business."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest(question.method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", HOST)
        for name, value in question.headers:
            connection.putheader(name, value)
        body = question.body.encode()
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        try:
            content = answer.read()
        except http.client.IncompleteRead as cut:
            content = cut.partial
        seen = {"status": answer.status, "headers": [[name, readable(value)] for name, value in answer.getheaders()]}
    finally:
        connection.close()
    content = content.replace(str(folder).encode(), b"/srv/site")
    try:
        return {**seen, "body": content.decode()} if content else seen
    except UnicodeDecodeError:
        return {**seen, "body_base64": base64.b64encode(content).decode()}


def readable(value):
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


def start(cases, folder):
    """The stacks that are installed, started; and what is not, by name."""
    running, absent = {}, {}
    for kind in stacks.ALL:
        stack = kind(folder)
        missing = stack.missing()
        if missing:
            absent[stack.name] = missing
            continue
        running[stack.name] = stack

    def make(stack):
        stack.write({case.id: case.php for case in cases} if stack.name == "php" else snippets(cases, stack.name))
        stack.start()

    with concurrent.futures.ThreadPoolExecutor(len(stacks.ALL)) as pool:
        list(pool.map(make, running.values()))
    for stack in running.values():
        stack.wait()
    return running, absent


def snippets(cases, name):
    """{path of the endpoint: Port}; a second port of one framework has its own path, `ID:flask_2`."""
    return {address(case, own).lstrip("/"): port
            for case in cases for own, port in case.ports.items() if own.split("_")[0] == name}


def address(case, port):
    return f"/{case.id}" if port in cases_.PORTS else f"/{case.id}-{port.split('_', 1)[1]}"


def pairs(cases, running):
    """Every pair of the cases whose stacks are there, as lines of a cases file, in order."""
    jobs = []
    for case in cases:
        for name, port in case.ports.items():
            stack = running.get(name.split("_")[0])
            if stack and "php" in running and (not port.needs or has_module(stack, port.needs)):
                jobs.append((case, name, stack))

    def fetch(job):
        case, name, stack = job
        tail = case.ask.path
        return (ask(running["php"].port, f"/{case.id}{tail}", case.ask, stack.folder.parent),
                ask(stack.port, f"{address(case, name)}{tail}", case.ask, stack.folder.parent))

    # Frameworks build parts of themselves for their first request, and not all of them expect several first ones at once.
    for job in {stack.name: (case, name, stack) for case, name, stack in reversed(jobs)}.values():
        fetch(job)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(zip([(case.id, name) for case, name, _ in jobs], pool.map(fetch, jobs)))
    for case in cases:
        for id, name, own, diff, label in cases_.pairs_of(case):
            if (case.id, name) in answers:
                yield case.sort, case.open, line(id, own, diff, label, answers[case.id, name])


MODULES = {}


def has_module(stack, module):
    if module not in MODULES:
        MODULES[module] = subprocess.run([stack.python, "-c", f"import {module}"], capture_output=True).returncode == 0
    return MODULES[module]


def line(id, case, diff, label, answers):
    request = {"method": case.ask.method, "url": f"http://{HOST}/{case.id}{case.ask.path}"}
    if case.ask.headers:
        request["headers"] = [list(header) for header in case.ask.headers]
    row = {"id": id, "label": label, "row": case.row, "reason": case.reason}
    if label != "matched":
        row.update({key: getattr(case, key) for key in ("at", "kind") if getattr(case, key) is not None})
    if case.rule:
        row["rule"] = case.rule
    row.update(request=request, control=answers[0], candidate=answers[1])
    if diff:
        row["diff"] = diff
    return row


def record(lines, folder):
    by_sort = {}
    for sort, open_, row in lines:
        if open_ is None:
            by_sort.setdefault(sort, []).append(json.dumps(row, ensure_ascii=False) + "\n")
    for sort, rows in by_sort.items():
        (folder / f"real-{sort}.jsonl").write_text("".join(rows))
        print(f"real-{sort}.jsonl: {len(rows)} pairs")


def judge(program, lines):
    """Has the program compare the pairs; says what is not as labelled."""
    text = "".join(json.dumps(row) + "\n" for _, _, row in lines)
    done = subprocess.run(program, input=text, capture_output=True, text=True)
    answers = [json.loads(answer) for answer in done.stdout.splitlines()]
    if len(answers) != len(lines):
        raise SystemExit(f"{len(lines)} pairs, {len(answers)} answers: {done.stderr}")
    wrong = [(row, answer, open_) for (_, open_, row), answer in zip(lines, answers) if complaint(row, answer)]
    return wrong


def complaint(row, answer):
    if answer["outcome"] != row["label"]:
        return f"{answer['outcome']} instead of {row['label']}"
    found = answer["ignored" if row["label"] == "ignored" else "differences"]
    wanted = {"path": row.get("at"), "kind": row.get("kind")}
    if any(wanted.values()) and not any(all(value is None or one[key] == value for key, value in wanted.items()) for one in found):
        return f"no difference at {row.get('at')} of kind {row.get('kind')}"
    if row["label"] == "matched" and row.get("rule") and row["rule"] not in [one["rule"] for one in answer["hidden"]]:
        return f"rule {row['rule']} is not named"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["record", "check"])
    parser.add_argument("program", nargs="?", help="the built matapalo")
    parser.add_argument("--only", default="")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    if options.what == "check" and not options.program:
        parser.error("check wants the built matapalo")
    cases = [case for case in all_cases() if options.only in case.id]
    with tempfile.TemporaryDirectory(prefix="corpus") as folder:
        running = {}
        try:
            running, absent = start(cases, Path(folder))
            lines = list(pairs(cases, running))
        finally:
            for stack in running.values():
                stack.stop()
        logs = {name: stack.log() for name, stack in running.items()}
    for name, missing in absent.items():
        print(f"NOT RUN: the {name} stack, for want of {missing}", file=sys.stderr)
    for module in (module for module, there in MODULES.items() if not there):
        print(f"NOT RUN: the pairs that need Python's {module}", file=sys.stderr)
    if options.what == "record" and options.only:
        print("\n".join(json.dumps(row, ensure_ascii=False) for _, _, row in lines))
    elif options.what == "record":
        if absent:
            raise SystemExit("all stacks are needed to record")
        record(lines, options.folder)
    else:
        sys.exit(check(options.program, lines, recorded(options.folder) if not options.only else {}, logs))


def check(program, lines, known, logs):
    """1 if a fresh pair is not as labelled, or not as it was recorded."""
    wrong = 0
    for row, answer, open_ in judge([program, "diff", "--pairs", "-"] if Path(program).name == "matapalo" else [program], lines):
        wrong += open_ is None
        print(f"{'OPEN: ' + open_ if open_ else 'WRONG'}: {row['id']}: {complaint(row, answer)} ({row['reason']})\n    {json.dumps(answer, ensure_ascii=False)[:600]}")
    for row in (row for _, open_, row in lines if known and open_ is None):
        if known.get(row["id"]) != row["label"]:
            wrong += 1
            print(f"WRONG: {row['id']}: {row['label']}, recorded as {known.get(row['id'])}: record anew")
    for name, log in logs.items() if wrong else ():
        print(f"last words of {name}:\n{log}")
    print(f"{len(lines)} fresh pairs, {wrong} not as labelled")
    return 1 if wrong or not lines else 0


def recorded(folder):
    """{id: label} of what is among the cases."""
    rows = (json.loads(row) for file in folder.glob("real-*.jsonl") for row in file.read_text().split("\n") if row)
    return {row["id"]: row["label"] for row in rows}


if __name__ == "__main__":
    main()
