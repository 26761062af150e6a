"""The real stacks: what each needs, the site it is given, how it is started and ended.

Everything is written below one folder, on free ports of the loopback, and ends with the process that started it.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent, indent

HERE = Path(__file__).resolve().parent
SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
START_SECONDS = 20  # longest wait for a stack's first answer; a cold Go build comes before it
STOP_SECONDS = 5


def which(*names):
    return next((found for found in (shutil.which(name, path=SBIN) for name in names) if found), None)


def python_with(*modules):
    """Another python3 may stand before Debian's in PATH and know nothing of Debian's packages."""
    for candidate in ("/usr/bin/python3", "python3"):
        python = shutil.which(candidate)
        tried = python and subprocess.run([python, "-c", "import " + ", ".join(modules)], capture_output=True)
        if tried and tried.returncode == 0:
            return python
    return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def body_of(code, depth=4):
    return indent(dedent(code).strip("\n") or "pass", " " * depth)


def function_name(text):
    return "case_" + re.sub(r"\W", "_", text)


class Stack:
    """One site of all snippets that are for it."""

    name = ""

    def __init__(self, folder):
        self.folder = folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.running = []

    def missing(self):
        """What is not installed, or None."""

    def write(self, snippets):
        """Makes the site of {id of the case: Port}."""

    def commands(self):
        """What is to be started."""

    def start(self):
        log = open(self.folder / "log", "ab")
        for command in self.commands():
            self.running.append(subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, env=self.env()))
        log.close()

    def env(self):
        return {**os.environ, "PATH": SBIN, "PYTHONDONTWRITEBYTECODE": "1"}

    def wait(self):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if any(process.poll() is not None for process in self.running):
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"{self.name} does not start:\n{self.log()}")

    def log(self):
        """The last that it said."""
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def stop(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


class Php(Stack):
    """php-fpm behind nginx, as a legacy site runs."""

    name = "php"

    def missing(self):
        self.fpm = which("php-fpm8.2", "php-fpm8.4", "php-fpm8.3", "php-fpm8.1", "php-fpm")
        self.nginx = which("nginx")
        return None if self.fpm and self.nginx else "php-fpm and nginx"

    def write(self, snippets):
        pages = self.folder / "pages"
        shutil.rmtree(pages, ignore_errors=True)
        shutil.copytree(HERE / "php", pages)
        for id, code in snippets.items():
            text = dedent(code).lstrip("\n")
            opening = "" if text.startswith("<") else "<?php "
            (pages / f"{id}.php").write_text(f"{opening}{text}\n" if "?>" not in text else f"{opening}{text}")
        as_root = os.getuid() == 0
        user, group = ("root", "root") if as_root else ("", "")
        (self.folder / "tmp").mkdir(exist_ok=True)
        (self.folder / "fpm.conf").write_text(dedent(f"""\
            [global]
            error_log = {self.folder}/fpm.log
            [site]
            {f"user = {user}" if as_root else ""}
            {f"group = {group}" if as_root else ""}
            listen = {self.folder}/fpm.sock
            pm = static
            pm.max_children = 2
            php_admin_value[auto_prepend_file] = {pages}/prelude.inc
            php_admin_value[session.save_path] = {self.folder}/tmp
            php_admin_value[date.timezone] = UTC
            php_admin_flag[log_errors] = on
            php_admin_value[error_log] = {self.folder}/errors.log
            php_value[display_errors] = 0
            """))
        own = "client_body fastcgi proxy scgi uwsgi".split()
        folders = "\n".join(f"{kind}_temp_path {self.folder}/tmp/{kind};" for kind in own)
        (self.folder / "nginx.conf").write_text(
            (HERE / "php" / "nginx.conf").read_text()
            .replace("@user@", f"user {user} {group};" if as_root else "")
            .replace("@temp_paths@", folders).replace("@folder@", str(self.folder)).replace("@port@", str(self.port)))

    def commands(self):
        root = ["--allow-to-run-as-root"] if os.getuid() == 0 else []
        yield [self.fpm, "--nodaemonize", *root, "--fpm-config", self.folder / "fpm.conf"]
        yield [self.nginx, "-e", self.folder / "nginx.log", "-c", self.folder / "nginx.conf", "-g", "daemon off;"]

    def wait(self):
        until = time.monotonic() + START_SECONDS
        while not (self.folder / "fpm.sock").exists() and time.monotonic() < until:
            time.sleep(0.05)
        super().wait()


class PythonSite(Stack):
    modules = ()

    def missing(self):
        self.python = python_with(*self.modules)
        return None if self.python else " and ".join(self.modules)

    def write(self, snippets):
        prelude = (HERE / "python" / f"{self.name}_site.py").read_text()
        views = [self.view(id, port) for id, port in snippets.items()]
        (self.folder / "site_.py").write_text(prelude.replace("# @views@", "\n\n".join(views)))

    def view(self, id, port):
        raise NotImplementedError


class Flask(PythonSite):
    """Flask under gunicorn."""

    name = "flask"
    modules = ("flask", "gunicorn")

    def view(self, id, port):
        path = port.route or f"/{id.split(':')[0]}"
        return (f"@app.route({path!r}, methods={list(port.methods)!r}, endpoint={id!r})\n"
                f"def {function_name(id)}({port.args}):\n{body_of(port.code)}")

    def commands(self):
        yield [self.python, "-m", "gunicorn", "--log-level=error", "-w1", "--threads=4",
               f"-b127.0.0.1:{self.port}", "site_:app"]


class Django(PythonSite):
    """Django under gunicorn, with the middleware that startproject writes."""

    name = "django"
    modules = ("django", "gunicorn")

    def view(self, id, port):
        return (f"def {function_name(id)}({port.args or 'request'}):\n{body_of(port.code)}\n"
                f"urlpatterns.append(path({(port.route or id.split(':')[0])!r}, {function_name(id)}))")

    def commands(self):
        yield [self.python, "-m", "gunicorn", "--log-level=error", "-w1", "--threads=4",
               f"-b127.0.0.1:{self.port}", "site_:app"]


class FastApi(PythonSite):
    """FastAPI under uvicorn."""

    name = "fastapi"
    modules = ("fastapi", "uvicorn")

    def view(self, id, port):
        path = f"/{id.split(':')[0]}"
        how = port.route or ", methods=" + repr(list(port.methods))
        return (f"@app.api_route({path!r}{how if how.startswith(',') else ', ' + how})\n"
                f"def {function_name(id)}({port.args}):\n{body_of(port.code)}")

    def commands(self):
        yield [self.python, "-m", "uvicorn", "--log-level", "error", "--port", str(self.port), "site_:app"]


class Go(Stack):
    """net/http with html/template and encoding/json."""

    name = "go"
    packages = {name.split("/")[-1]: name for name in (
        "encoding/json encoding/xml html html/template math net/url sort strconv strings time fmt bytes errors io "
        "unicode/utf8 compress/gzip").split()}

    def missing(self):
        self.go = which("go")
        return None if self.go else "go"

    def write(self, snippets):
        handlers = "\n".join(
            f'\thttp.HandleFunc("/{id.split(":")[0]}", func(w http.ResponseWriter, r *http.Request) {{\n{dedent(port.code).strip()}\n\t}})'
            for id, port in snippets.items())
        source = (HERE / "go" / "main.go").read_text().replace("// @handlers@", handlers)
        used = sorted(path for name, path in self.packages.items() if re.search(rf"\b{name}\.\w", source))
        source = source.replace("// @imports@", "\n\t".join(f'"{path}"' for path in used))
        (self.folder / "main.go").write_text(source)
        built = subprocess.run([self.go, "build", "-o", "site", "main.go"], cwd=self.folder, capture_output=True, text=True,
                               env={"HOME": str(self.folder), **self.env(), "GO111MODULE": "off", "CGO_ENABLED": "0"})
        if built.returncode:
            raise SystemExit(f"go build:\n{built.stderr}")

    def commands(self):
        yield [self.folder / "site", f"127.0.0.1:{self.port}"]


ALL = (Php, Flask, FastApi, Django, Go)
