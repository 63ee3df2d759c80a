"""The setup on the machine itself, with everything that it writes to laid over the real folders:
a mount namespace of its own, in which /etc, /var/lib, /usr/local and /run are copies that vanish.
systemd is played by a script, since none runs in there. Started by the check of the same name."""

import grp
import pathlib
import pwd
import stat
import subprocess
import sys
import urllib.error
import urllib.request

from harness import BINARY, setup

UNIT = pathlib.Path("/etc/systemd/system/encoder-manager.service")
CONFIG = pathlib.Path("/etc/encoder-manager")
DATA = pathlib.Path("/var/lib/encoder-manager")
PLAYED = pathlib.Path("/run/played")
USER = "encoder-manager"


def status(port, path, key=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code


def main(file, port):
    words = ["--config", file, "--server-binary", str(BINARY)]
    code, out, error = setup([*words, "--systemd"])
    log = (PLAYED / "log").read_text() if (PLAYED / "log").exists() else ""
    assert code == 0, f"{out}{error}{log}"
    account = pwd.getpwnam(USER)
    assert account.pw_shell.endswith("nologin") and account.pw_uid < 1000, account
    assert grp.getgrgid(account.pw_gid).gr_name == USER
    assert DATA.stat().st_uid == account.pw_uid and stat.S_IMODE(DATA.stat().st_mode) == 0o700
    assert (CONFIG / "config.yaml").stat().st_gid == account.pw_gid
    key = (CONFIG / "secrets" / "admin_key").read_text().strip()
    assert status(port, "/readyz") == 200 and status(port, "/api/keys", key) == 200
    runs_as = pathlib.Path(f"/proc/{(PLAYED / 'pid').read_text().strip()}").stat().st_uid
    assert runs_as == account.pw_uid, runs_as

    # Again: nothing to do, and the server goes on.
    pid = (PLAYED / "pid").read_text()
    code, out, error = setup(words)
    assert code == 0 and out == "Everything is there already.\n", out + error
    assert setup([*words, "--check"])[0] == 0
    assert (PLAYED / "pid").read_text() == pid

    # Changed settings are in force afterwards.
    assert status(port, "/metrics") == 401
    content = pathlib.Path(file).read_text()
    pathlib.Path(file).write_text(content.replace("settings:", "settings:\n  metrics_open: true"))
    code, out, error = setup(words)
    assert code == 0, error
    assert status(port, "/metrics") == 200 and (PLAYED / "pid").read_text() != pid

    # A service that does not come up is told.
    (PLAYED / "broken").touch()
    pathlib.Path(file).write_text(content)
    code, out, error = setup(words)
    assert code == 2 and "does not come up; `journalctl -u encoder-manager" in error, out + error
    (PLAYED / "broken").unlink()
    assert setup(words)[0] == 0 and status(port, "/readyz") == 200

    code, out, error = setup(["--config", file, "--uninstall", "--purge"])
    assert code == 0, error
    assert f"userdel {USER}" in out, out
    assert not UNIT.exists() and not CONFIG.exists() and not DATA.exists()
    assert not pathlib.Path("/usr/local/bin/encoder-server").exists()
    assert not pathlib.Path(f"/proc/{pid.strip()}").exists()
    assert subprocess.run(["systemctl", "is-active"], check=False, capture_output=True).returncode == 3


main(sys.argv[1], int(sys.argv[2]))
