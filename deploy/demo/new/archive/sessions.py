"""Sessions and form tokens, shared with the old stack row by row and byte by byte."""

import hashlib
import hmac
import os
import re
import time
from email.utils import formatdate

from . import db, phpisms

COOKIE = "AURSID"
LOGIN_TIMEOUT = 7200  # seconds
TOUCH_INTERVAL = 60  # seconds; no write per page, SQLite has one writer
PBKDF2_ROUNDS = 20_000
_SALT_LENGTH = 16
_TOKEN_LENGTH = 80


def current(request):
    """The visitor's session row, or None. Touches it now and then so that it lives on."""
    sid = request.cookies.get(COOKIE, "")
    if not re.fullmatch(r"[0-9a-f]{32}", sid):
        return None
    found = db.row(
        "SELECT Sessions.*, Users.Username FROM Sessions LEFT JOIN Users ON Users.ID = Sessions.UsersID WHERE SessionID = ?", sid
    )
    now = int(time.time())
    if found is None or found["LastUpdateTS"] < now - LOGIN_TIMEOUT:
        return None
    if found["LastUpdateTS"] < now - TOUCH_INTERVAL:
        db.execute("UPDATE Sessions SET LastUpdateTS = ? WHERE SessionID = ?", now, sid)
    return found


def user_id(request):
    session = current(request)
    return None if session is None else session["UsersID"]


def start(uid):
    """Makes a session, of a user or of a visitor who has not logged in yet: its identifier, and the header that hands it out."""
    sid = os.urandom(16).hex()
    now = int(time.time())
    db.execute("INSERT INTO Sessions (SessionID, UsersID, LastUpdateTS) VALUES (?, ?, ?)", sid, uid, now)
    expires = formatdate(now + LOGIN_TIMEOUT, usegmt=True)
    return sid, ("Set-Cookie", f"{COOKIE}={sid}; HttpOnly; Path=/; SameSite=lax; Max-Age={LOGIN_TIMEOUT}; Expires={expires}")


def end(sid):
    db.execute("DELETE FROM Sessions WHERE SessionID = ?", sid)


def forget():
    return "Set-Cookie", f"{COOKIE}=; HttpOnly; Path=/; SameSite=lax; Max-Age=0; Expires={formatdate(1, usegmt=True)}"


def _mac(sid, salt):
    secret = db.row("SELECT Value FROM Settings WHERE Name = 'csrf_secret'")["Value"]
    return hmac.new(secret.encode(), f"{sid}|{salt}".encode(), hashlib.sha256).hexdigest()


def token(sid):
    salt = os.urandom(_SALT_LENGTH // 2).hex()
    return salt + _mac(sid, salt)


def has_token(request):
    session, given = current(request), phpisms.text(request.form, "token")
    if session is None or len(given) != _TOKEN_LENGTH:
        return False
    salt, mac = given[:_SALT_LENGTH], given[_SALT_LENGTH:]
    return hmac.compare_digest(_mac(session["SessionID"], salt).encode(), mac.encode("utf-8", "replace"))


def try_login(username, password):
    """ID of the user with this name and password, or None."""
    user = db.row("SELECT * FROM Users WHERE Username = ?", username)
    if user is None:
        return None
    hashed = hashlib.pbkdf2_hmac("sha256", password.encode("utf-8", "surrogateescape"), user["Salt"].encode(), PBKDF2_ROUNDS).hex()
    return user["ID"] if hmac.compare_digest(user["Passwd"], hashed) else None
