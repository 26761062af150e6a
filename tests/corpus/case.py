"""What a case is: one endpoint written twice, the legacy one in PHP and its port, with what a comparer should say and why.

A case file calls `pair` at its top level; `stacks.py` makes real sites of the snippets, `run.py` asks them.
"""

from dataclasses import dataclass, field, replace

# The sorts of differences.md: cosmetic, silent by option only, real, and both failed alike.
C, O, R, I = "C", "O", "R", "I"
LABELS = {C: "matched", O: "mismatched", R: "mismatched", I: "unproven"}
PORTS = ("flask", "fastapi", "django", "go")


@dataclass(frozen=True)
class Ask:
    """The request that both stacks get; `path` is added to the endpoint's own (`/ID`)."""

    method: str = "GET"
    path: str = ""
    headers: tuple = ()
    body: str = ""


@dataclass(frozen=True)
class Port:
    """One port's code, where more than its body is to be said: what is left out is as in the case."""

    code: str
    row: str | None = None
    reason: str | None = None
    at: str | None = None
    kind: str | None = None
    options: tuple | None = None
    # Python: the view's parameters, and the methods it takes.
    args: str = ""
    methods: tuple = ("GET",)
    # Where the module `orjson` is needed, which Debian 12 does not have.
    needs: str = ""
    # FastAPI only: how the route is declared beside its path.
    route: str = ""


@dataclass(frozen=True)
class Case:
    id: str
    sort: str
    row: str
    reason: str
    php: str
    ports: dict
    at: str | None = None
    kind: str | None = None
    rule: str | None = None
    diff: dict | None = None
    # Rules of the `diff` block under which the pair is to be silent.
    options: tuple = ()
    ask: Ask = field(default_factory=Ask)
    open: str | None = None


# Cases that are asked, but not recorded among the labelled pairs: what the comparer does not tell yet.
OPEN: dict[str, str] = {
    "json-string-list": "a list of numbers as strings, under numeric_strings",
}
CASES: list[Case] = []
SORT = "json"


def sort(name):
    """The cases that follow go to real-NAME.jsonl."""
    global SORT
    SORT = name


def pair(id, row, reason, php, *, at=None, kind=None, rule=None, diff=None, options=(), ask=None, **ports):
    id = f"{SORT}-{id}"
    known = {name: code if isinstance(code, Port) else Port(code) for name, code in ports.items() if code is not None}
    assert known, f"{id}: no port"
    assert all(name.split("_")[0] in PORTS for name in known), f"{id}: {sorted(known)}"
    assert id not in (case.id for case in CASES), f"{id} twice"
    options = (options,) if isinstance(options, dict) else tuple(options)
    CASES.append(Case(id, SORT, row, reason, php, known, at, kind, rule, diff, options, ask or Ask(), OPEN.get(id)))


def pairs_of(case):
    """(id of the pair, port, case as this port has it, diff, label) for each pair that a case makes."""
    for name, port in case.ports.items():
        own = replace(
            case,
            row=port.row or case.row,
            reason=port.reason or case.reason,
            at=port.at if port.at is not None else None if port.row else case.at,
            kind=port.kind or (None if port.row else case.kind),
            rule=None if port.row else case.rule,
            options=case.options if port.options is None and not port.row else port.options or (),
        )
        yield f"{case.id}:{name}", name, own, case.diff, LABELS[own.row]
        for option in own.options:
            named = next(iter(option))
            yield f"{case.id}:{name}+{named}", name, own, {**(case.diff or {}), **option}, "ignored"
