"""The porting bugs that are seeded here, each under its name in BUGS.md, and the switch for them: DEMO_BUGS=all|none|id,id."""

import os
import sys

KNOWN = (
    "wrong-link",
    "none-printed",
    "double-escape",
    "sort-order",
    "missing-empty-list",
    "lost-header",
    "redirect-307",
    "rounding",
)


def parse(text):
    """The set of bugs that a DEMO_BUGS value switches on."""
    if text == "all":
        return frozenset(KNOWN)
    if text in ("", "none"):
        return frozenset()
    chosen = frozenset(part.strip() for part in text.split(","))
    unknown = sorted(chosen - set(KNOWN))
    if unknown:
        raise ValueError(f"unknown bug {', '.join(map(repr, unknown))}; there are: all, none, or any of {', '.join(KNOWN)}")
    return chosen


_ON = parse(os.environ.get("DEMO_BUGS", "all")) if __name__ != "__main__" else None


def has(bug):
    return bug in _ON


if __name__ == "__main__":
    try:
        parse(sys.argv[1])
    except ValueError as mistake:
        sys.exit(f"DEMO_BUGS: {mistake}")
