"""What stands in front of the line in production, on loopback: `deploy/nginx.conf`, its paths and ports replaced.

And callers who lose no time: they follow answers as a carrier does, and press the keys that they were given.
"""

from __future__ import annotations

import datetime
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ivr.phone import wire
from ivr.phone.errors import UnreachableError
from tests.line import ACCOUNT, ROOT, TOKEN

NGINX = shutil.which("nginx") or "nginx"
HOST = "ligne.example.com"

MAIN = """
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 32768;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 16384; }}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    access_log off;
    include {folder}/ligne.conf;
}}
"""


def free_port() -> int:
    """A port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@dataclass(frozen=True)
class Front:
    """A running nginx: its ports (in clear, over TLS, port 80's stand-in), and the one where it looks for the line."""

    folder: Path
    line_port: int = field(default_factory=free_port)
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    port_80: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        """Where the carrier calls."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def logged(self) -> str:
        """The access log."""
        return (self.folder / "ligne.log").read_text()

    def write(self, instead: Mapping[str, str]) -> None:
        """Write the configuration: what is shipped, with each of these texts replaced; all of them must be there."""
        shutil.copytree(ROOT / "deploy", self.folder / "deploy")
        replaced = {
            "include /srv/ivr/deploy": f"include {self.folder}/deploy",
            "/srv/ivr/deploy": f"{self.folder}/deploy",
            "/var/cache": str(self.folder),
            "127.0.0.1:5000": f"127.0.0.1:{self.line_port}",
            "listen 80;": f"listen 127.0.0.1:{self.port_80};",
            "listen 443 ssl;": f"listen 127.0.0.1:{self.tls_port} ssl; listen 127.0.0.1:{self.port};",
            f"/etc/letsencrypt/live/{HOST}": str(self.folder),
            "/var/log/nginx": str(self.folder),
            **instead,
        }
        names = {"ligne.conf": "nginx.conf", "deploy/nginx-voice.conf": "nginx-voice.conf"}
        texts = {to: (ROOT / "deploy" / name).read_text() for to, name in names.items()}
        for old, new in replaced.items():
            assert any(old in text for text in texts.values()), f"deploy/nginx.conf does not hold « {old} »"
            texts = {to: text.replace(old, new) for to, text in texts.items()}
        for to, text in texts.items():
            (self.folder / to).write_text(text)
        user = "user root;" if os.geteuid() == 0 else ""
        (self.folder / "main.conf").write_text(MAIN.format(folder=self.folder, user=user))
        _certificate(self.folder)


@contextmanager
def front(folder: Path, **instead: str) -> Iterator[Front]:
    """Nginx with the shipped configuration, until the block ends."""
    folder.mkdir()
    nginx = Front(folder)
    nginx.write(instead)
    with subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "main.conf")]) as process:  # noqa: S603
        try:
            _wait_for(nginx.port, process)
            yield nginx
        finally:
            process.terminate()
            process.wait(timeout=10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("nginx does not answer")


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=2))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    kind = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(kind))
    raw = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "privkey.pem").write_bytes(key.private_bytes(kind, *raw))


# Callers


@dataclass
class Caller:
    """One who presses keys as soon as he is asked, and follows what he is told: each answer that he got, in order.

    `patience` is how many seconds he waits for a line that is being started.
    """

    url: str
    number: int
    answers: list[str] = field(default_factory=list)
    patience: float = 40.0

    def post(self, path: str, **form: str) -> str:
        """The TwiML of one webhook; whatever else comes is an error that he would hear.

        An answer that is cut in its middle sends the carrier to the fallback, which is not told what was pressed.
        """
        whole = {**FORM, "CallSid": f"CA{self.number:032x}", "From": f"+3363998{self.number:04}", **form}
        try:
            answer = wire.send(wire.request("POST", self.url + path, whole, TOKEN))
        except UnreachableError:
            failed = {name: value for name, value in whole.items() if name != "Digits"}
            failed |= {"ErrorCode": "11200", "ErrorUrl": self.url + path}
            answer = wire.send(wire.request("POST", f"{self.url}/voice/fallback", failed, TOKEN))
        assert answer.status == 200, (path, answer.status, answer.body[:200])
        assert (answer.content_type or "").startswith("text/xml"), (path, answer.content_type)
        self.answers.append(answer.body.decode())
        return self.answers[-1]

    def call(self, keys: str) -> str:
        """Call, and press these keys, again where one was lost; the last answer."""
        said = self._settled(self.post("/voice"))
        for key in keys:
            asked = _action(said)
            while _action(said) == asked:
                said = self._settled(self.post(asked, Digits=key))
        return said

    def _settled(self, said: str) -> str:
        """What is said once the line answers; until then the web server asks for patience, which is shorter here."""
        until = time.monotonic() + self.patience
        while redirect := re.search(REDIRECT, said):
            assert time.monotonic() < until, "the line does not come back"
            time.sleep(0.2)
            said = self.post(redirect[1].partition("?")[0])
        return said


FORM = {
    "AccountSid": ACCOUNT,
    "CallStatus": "in-progress",
    "Direction": "inbound",
    "To": "+33199000000",
}

REDIRECT = r'<Redirect method="POST">(/voice/fallback[^<]*)</Redirect>'


def _action(said: str) -> str:
    """Where an answer's Gather leads; empty when it asks for nothing."""
    found = re.search(r'action="([^"]+)"', said)
    return found[1] if found else ""
