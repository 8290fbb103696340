"""A real Postfix for tests: on loopback, with its own configuration and queue, delivering to one folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from smtp_servers import LOOPBACK, certificate, free_port

_PATIENCE = 30.0  # seconds until a mail is delivered, on a busy machine

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = mx1.example.org
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
biff = no
message_size_limit = 120000
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_chain_files = {folder}/key.pem, {folder}/certificate.pem
default_transport = error:no mail leaves this machine
virtual_mailbox_domains = example.org
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
"""
_MASTER = """\
{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running Postfix: ``where`` it listens, its ``configuration``, what it logs and where it delivers."""

    where: str
    configuration: Path
    certificate: Path
    log: Path
    inbox: Path

    def next_message(self) -> bytes:
        """The next message that is delivered; fails if that takes too long."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            for path in (self.inbox / "new").glob("*"):
                octets = path.read_bytes()
                path.unlink()
                return octets
            time.sleep(0.05)
        pytest.fail(f"not delivered within {_PATIENCE:g} s: {self.log.read_text()}")


@contextmanager
def postfix(certificates: Path) -> Iterator[Postfix]:
    """Postfix for mail to ``example.org``; the test is skipped where it cannot run.

    A certificate for it is made in the folder ``certificates``.
    """
    program = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("Postfix is not installed")
    if os.geteuid() != 0:
        pytest.skip("Postfix is started by root only")
    # Its daemons run as other users, to whom pytest's own folders are closed.
    with tempfile.TemporaryDirectory(prefix="logscan-postfix-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        certificate(certificates)
        server = _installed(folder, free_port(), certificates)
        command = [program, "-c", str(server.configuration)]
        try:
            started = subprocess.run([*command, "start"], capture_output=True, text=True, check=False)
            assert started.returncode == 0, started.stdout + started.stderr
            yield server
        finally:
            for verb in ("stop", "abort"):
                if subprocess.run([*command, "status"], capture_output=True, check=False).returncode == 0:
                    subprocess.run([*command, verb], capture_output=True, check=False, timeout=60)


def _installed(folder: Path, port: int, certificates: Path) -> Postfix:
    nobody = pwd.getpwnam("nobody")
    configuration = folder / "etc"
    for name in (configuration, folder / "queue", folder / "data", folder / "inbox"):
        name.mkdir()
    shutil.chown(folder / "data", "postfix")
    shutil.chown(folder / "inbox", nobody.pw_uid, nobody.pw_gid)
    for name in ("key.pem", "certificate.pem"):
        shutil.copy(certificates / name, folder / name)
    main = _MAIN.format(folder=folder, uid=nobody.pw_uid, gid=nobody.pw_gid)
    (configuration / "main.cf").write_text(main)
    (configuration / "master.cf").write_text(_MASTER.format(port=f"{LOOPBACK}:{port}"))
    return Postfix(
        where=f"{LOOPBACK}:{port}",
        configuration=configuration,
        certificate=folder / "certificate.pem",
        log=folder / "mail.log",
        inbox=folder / "inbox",
    )
