#!/usr/bin/env python3
"""Makes the demo site's database: the same bytes of data on every run.

Both stacks read and write this one SQLite file. Names and descriptions are awkward on purpose: quotes, ampersands,
tags, umlauts, emoji and length are what ports get wrong. The bugs that are seeded in the new stack (BUGS.md) need
certain data to show; what they need is marked below with "for: <bug id>".

    seed.py FILE        writes FILE anew
"""

import hashlib
import os
import random
import sqlite3
import sys

SEED = 20240501
PACKAGES = 300
DAY = 86_400
NEWEST = 1_714_557_600  # 2024-05-01 10:00 UTC: the newest change in the archive; nothing here depends on today
PBKDF2_ROUNDS = 20_000  # as both stacks verify it; small, because this is a demo and logins should not eat its two cores
CSRF_SECRET = "demo-only-3f1c9a7e5b2d4860"

# Username, real name, e-mail, hidden, homepage. Password: "<username>-password".
USERS = [
    ("alice", "Alice Ångström", "alice@example.org", 0, "https://alice.example.org/?a=1&b=2"),
    ("bob", "Bob O'Brien", "bob@example.org", 1, ""),
    ("chlöe", "Chlöe & Söhne <GmbH>", "chloe@example.org", 0, "https://chloe.example.org/"),
    ("dmitri", 'Dmitri "dima" Иванов', "dmitri@example.org", 1, ""),
    ("eve", "", "eve@example.org", 0, ""),
    ("frank", "Frank", "frank@example.org", 0, "https://frank.example.org/~frank/"),
    ("grace", "Grace 🌿 Hopper", "grace@example.org", 1, "https://grace.example.org/#about"),
    ("heidi", "Heidi", "heidi@example.org", 0, ""),
    ("ivan", "Ivan <b>bold</b>", "ivan@example.org", 1, ""),
    ("judy", "Judy", "judy@example.org", 0, ""),
    ("mallory", "Mallory'); DROP TABLE Users;--", "mallory@example.org", 1, ""),
    ("Zoë", "Zoë", "zoe@example.org", 0, ""),
]

# Name, version, description, licence ("" is "said to be none", None is "never said"). For: none-printed, double-escape.
BY_HAND = [
    ("gtk+2.0", "2.24.33-3", "The GIMP Toolkit, \"classic\" edition", "LGPL"),
    ("libstdc++5", "3.3.6-9", "GNU's Standard C++ library, for 3.x programs & old games", "GPL, LGPL"),
    ("python@3", "3.12.3-1", "Next <b>generation</b> of the python high-level scripting language", None),
    ("tom-and-jerry", "1.0-1", "Cat & mouse: a chase game where `cat < mouse` && `mouse > cat`", "MIT"),
    ("ümlaut-free-name", "0.1-1", "Ein Größenänderungsprogramm für Bilder – schön & schnell", "GPL3"),
    ("emoji-picker", "2:1.4.0-2", "Pick 😀, 🏳️‍🌈 or 👩‍👩‍👧‍👦 and paste it anywhere", "MIT"),
    ("quote-o-matic", "3.1-1", "\"It's\" 'quoted' \"everywhere\", isn't it?", "BSD"),
    ("slashdot", "1.0-1", "Paths like /usr/share/doc and C:\\Temp\\new, and https://example.org/a/b", "MIT"),
    ("percent%off", "50-1", "100% off_everything: % and _ are wildcards elsewhere", None),
    ("ampersand-zoo", "1-1", "R&D & Q&A && A & B; 1 < 2 > 0", "GPL3"),
    ("very-long-description", "0.9-1", "A tool that " + "really, " * 60 + "never ends <&>", "GPL2"),
    ("null-hypothesis", "0-1", "None", None),
    ("zero", "0.0-0", "0", "0BSD"),
    ("cjk-fonts-all", "20240401-1", "字体合集：包含简体、繁體、日本語 & 한국어", "OFL"),
    ("rtl-text", "1.1-1", "עברית & العربية in one terminal", "MIT"),
    ("script-kiddie", "6.6.6-1", "<script>alert('xss')</script> is shown, not run", None),
    ("r-Rcpp", "1.0.12-1", "Seamless R and C++ integration", "GPL2"),
    ("ACE", "8.0.0-1", "Adaptive Communication Environment", "custom:ACE"),
    ("Zlib-ng-compat", "2.1.6-1", "zlib replacement for \"next generation\" systems", "zlib"),
    ("aalib", "1.4rc5-18", "A portable ASCII art graphic library", "LGPL"),
    # For: sort-order (natural and case-blind against plain bytes).
    ("font-2", "2-1", "Second of the fonts", "OFL"),
    ("font-10", "10-1", "Tenth of the fonts", "OFL"),
    ("Font-3", "3-1", "Third of the fonts, in upper case", "OFL"),
    ("font-1", "1-1", "First of the fonts", "OFL"),
    ("FONT-20", "20-1", "Twentieth of the fonts, SHOUTED", None),
    ("font-007", "007-1", "The secret font", "OFL"),
    ("font-07", "07-1", "The less secret font", "OFL"),
    ("font-1.10", "1.10-1", "A font with a minor version", "OFL"),
    ("font-1.9", "1.9-1", "A font with an older minor version", "OFL"),
]

# Base name, its packages, newest first on the home page. For: wrong-link (a package that is not named as its base).
SPLIT = [
    ("linux-ficus", ["linux-ficus", "linux-headers-ficus", "linux-docs-ficus"]),
    ("mesa-git", ["mesa-git", "opencl-mesa-git", "vulkan-mesa-git"]),
    ("texlive-fig", ["texlive-bin-fig", "texlive-doc-fig"]),
]

# For: rounding. Halves that binary holds exactly (PHP rounds them away from zero, Python to even), halves that it
# does not hold (1.005 is a little less in binary; PHP rounds it as it reads), and plain values.
TOP_POPULARITY = [48.125, 41.265, 37.5, 33.625, 29.005, 27.375, 22.4, 19.875, 17.035, 15.0, 12.145]

FIRST = ["lib", "python-", "perl-", "ruby-", "go-", "rust-", "lib32-", "ttf-", "xf86-", "haskell-", "gnome-shell-", "vim-", "Node-", "R-", ""]
MIDDLE = ["alpha", "beacon", "crypt", "delta", "ember", "flux", "grid", "harbor", "index", "json", "kernel", "lumen", "mango",
          "nimbus", "orbit", "pixel", "quartz", "ripple", "socket", "tensor", "Unity", "vector", "widget", "Xenon", "yaml", "zephyr"]
LAST = ["", "-git", "-bin", "2", "10", "-ng", "-cli", "-qt6", "-data", "-1.9", "-1.10"]
PHRASES = ["a small library for {}", "command line tool to manage {}", "{} bindings (development version)", "fast & simple {} viewer",
           "daemon that watches {}", "plugin that adds {} to everything", "{}, but \"better\"", "Bibliothek für {}", "an editor for {} <experimental>",
           "fork of {} with upstream's bugs fixed", "icons and themes for {} ✨", "converts {} to {}"]
TOPICS = ["YAML files", "block devices", "window managers", "résumés", "game saves", "time series", "fonts", "smart cards", "maps & tiles",
          "IRC logs", "the user's dotfiles", "mail", "spread-sheets", "music", "0-day feeds", "naïve Bayes models"]
LICENCES = ["GPL3", "GPL2", "MIT", "BSD", "Apache", "LGPL, MIT", "custom", "MPL2", None]
KEYWORDS = ["cli", "gui", "library", "font", "kernel", "game", "devel", "network", "c++", "r&d"]
REQUEST_TYPES = ["deletion", "orphan", "merge"]

SCHEMA = """
CREATE TABLE Settings (Name TEXT PRIMARY KEY, Value TEXT NOT NULL);
CREATE TABLE Users (
    ID INTEGER PRIMARY KEY, Username TEXT NOT NULL UNIQUE, Email TEXT NOT NULL, HideEmail INTEGER NOT NULL,
    RealName TEXT NOT NULL, Homepage TEXT NOT NULL, Passwd TEXT NOT NULL, Salt TEXT NOT NULL, RegistrationTS INTEGER NOT NULL);
CREATE TABLE Sessions (SessionID TEXT PRIMARY KEY, UsersID INTEGER NULL REFERENCES Users(ID), LastUpdateTS INTEGER NOT NULL);
CREATE TABLE PackageBases (
    ID INTEGER PRIMARY KEY, Name TEXT NOT NULL UNIQUE, NumVotes INTEGER NOT NULL, Popularity REAL NOT NULL, OutOfDateTS INTEGER NULL,
    MaintainerUID INTEGER NULL REFERENCES Users(ID), SubmittedTS INTEGER NOT NULL, ModifiedTS INTEGER NOT NULL);
CREATE TABLE Packages (
    ID INTEGER PRIMARY KEY, PackageBaseID INTEGER NOT NULL REFERENCES PackageBases(ID), Name TEXT NOT NULL UNIQUE,
    Version TEXT NOT NULL, Description TEXT NOT NULL, URL TEXT NOT NULL, License TEXT NULL);
CREATE TABLE PackageKeywords (PackageBaseID INTEGER NOT NULL REFERENCES PackageBases(ID), Keyword TEXT NOT NULL);
CREATE TABLE PackageDepends (PackageID INTEGER NOT NULL REFERENCES Packages(ID), DepType TEXT NOT NULL, DepName TEXT NOT NULL);
CREATE TABLE PackageVotes (UsersID INTEGER NOT NULL, PackageBaseID INTEGER NOT NULL, VoteTS INTEGER NOT NULL, PRIMARY KEY (UsersID, PackageBaseID));
CREATE TABLE PackageRequests (
    ID INTEGER PRIMARY KEY, ReqType TEXT NOT NULL, PackageBaseName TEXT NOT NULL, UsersID INTEGER NOT NULL, Comments TEXT NOT NULL,
    RequestTS INTEGER NOT NULL, Status TEXT NOT NULL);
CREATE INDEX SessionsUsersID ON Sessions (UsersID);
CREATE INDEX PackagesPackageBaseID ON Packages (PackageBaseID);
CREATE INDEX PackageBasesModifiedTS ON PackageBases (ModifiedTS);
CREATE INDEX PackageBasesMaintainerUID ON PackageBases (MaintainerUID);
CREATE INDEX PackageKeywordsBase ON PackageKeywords (PackageBaseID);
CREATE INDEX PackageDependsPackage ON PackageDepends (PackageID);
"""


def password_of(username):
    return f"{username}-password"


def hashed(password, salt):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), PBKDF2_ROUNDS).hex()


def generated_packages(chance, taken, wanted):
    """Names in the manner of an archive, never one twice."""
    made = []
    while len(made) < wanted:
        name = chance.choice(FIRST) + chance.choice(MIDDLE) + chance.choice(LAST)
        if name in taken:
            continue
        taken.add(name)
        phrase = chance.choice(PHRASES)
        description = phrase.format(*chance.sample(TOPICS, phrase.count("{}")))
        version = f"{chance.randrange(9)}.{chance.randrange(30)}.{chance.randrange(9)}-{chance.randrange(1, 5)}"
        made.append((name, version, description, chance.choice(LICENCES)))
    return made


def bases(chance):
    """(base name, [(name, version, description, licence)…]), the split ones first."""
    split = [
        (base, [(name, "6.8.9-1", f"{name.split('-')[1].capitalize()} of {base} & friends", "GPL2") for name in names])
        for base, names in SPLIT
    ]
    taken = {name for _, packages in split for name, *_ in packages} | {name for name, *_ in BY_HAND}
    single = BY_HAND + generated_packages(chance, taken, PACKAGES - len(taken))
    return split + [(name, [(name, version, text, licence)]) for name, version, text, licence in single]


def fill_users(db, chance):
    for number, (username, real_name, email, hidden, homepage) in enumerate(USERS, start=1):
        salt = f"{chance.getrandbits(64):016x}"
        registered = NEWEST - chance.randrange(400, 4000) * DAY
        db.execute(
            "INSERT INTO Users VALUES (?,?,?,?,?,?,?,?,?)",
            (number, username, email, hidden, real_name, homepage, hashed(password_of(username), salt), salt, registered),
        )


def fill_packages(db, chance):
    package_id = 0
    for base_id, (base, packages) in enumerate(bases(chance), start=1):
        split = len(packages) > 1
        modified = NEWEST - base_id * 3_600 if split else NEWEST - chance.randrange(4 * 3_600, 900 * DAY)
        submitted = modified if chance.random() < 0.2 else modified - chance.randrange(1, 2000) * DAY
        maintainer = None if chance.random() < 0.15 else chance.randrange(1, len(USERS) + 1)
        out_of_date = modified + 3_000 if chance.random() < 0.1 else None
        popularity = chance.randrange(0, 9_000) / 1_000 if chance.random() < 0.8 else 0.0
        db.execute(
            "INSERT INTO PackageBases VALUES (?,?,?,?,?,?,?,?)",
            (base_id, base, chance.randrange(0, 900), popularity, out_of_date, maintainer, submitted, modified),
        )
        for keyword in sorted(chance.sample(KEYWORDS, chance.choice([0, 0, 1, 2, 3]))):
            db.execute("INSERT INTO PackageKeywords VALUES (?,?)", (base_id, keyword))
        for name, version, description, licence in packages:
            package_id += 1
            url = f"https://{chance.choice(MIDDLE).lower()}.example.org/{name}?lang=en&v={package_id}"
            db.execute("INSERT INTO Packages VALUES (?,?,?,?,?,?,?)", (package_id, base_id, name, version, description, url, licence))
            fill_depends(db, chance, package_id)
    for popularity, base_id in zip(TOP_POPULARITY, chance.sample(range(1, base_id + 1), len(TOP_POPULARITY))):
        db.execute("UPDATE PackageBases SET Popularity = ? WHERE ID = ?", (popularity, base_id))


def fill_depends(db, chance, package_id):
    for kind, most in (("depends", 5), ("makedepends", 2), ("optdepends", 2)):
        for topic in sorted(chance.sample(MIDDLE, chance.randrange(0, most + 1))):
            name = f"{topic.lower()}>={chance.randrange(1, 9)}.{chance.randrange(10)}" if chance.random() < 0.3 else topic.lower()
            name = f"{name}: for the \"{topic}\" back end" if kind == "optdepends" else name
            db.execute("INSERT INTO PackageDepends VALUES (?,?,?)", (package_id, kind, name))


def fill_requests(db, chance):
    names = [name for (name,) in db.execute("SELECT Name FROM PackageBases ORDER BY ID")]
    for number in range(1, 61):
        db.execute(
            "INSERT INTO PackageRequests VALUES (?,?,?,?,?,?,?)",
            (number, chance.choice(REQUEST_TYPES), chance.choice(names), chance.randrange(1, len(USERS) + 1),
             chance.choice(["Does not build & upstream is gone", "Maintainer doesn't answer", "Duplicate of <another>", "👎"]),
             NEWEST - number * 5_000, "pending" if number < 12 else "closed"),
        )


def fill(db):
    chance = random.Random(SEED)
    db.executescript(SCHEMA)
    db.execute("INSERT INTO Settings VALUES ('csrf_secret', ?)", (CSRF_SECRET,))
    fill_users(db, chance)
    fill_packages(db, chance)
    fill_requests(db, chance)
    db.commit()


def make(path):
    for leftover in (path, f"{path}-wal", f"{path}-shm"):
        if os.path.exists(leftover):
            os.remove(leftover)
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")  # kept in the file: readers of one stack never block the other's writer
    fill(db)
    counts = [db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in ("Packages", "PackageBases", "Users")]
    db.close()
    return counts


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FILE")
    print("seeded {0}: {1} packages of {2} bases, {3} users".format(sys.argv[1], *make(sys.argv[1])))
