"""The setup with `mode: native`."""

import contextlib
import fcntl
import json
import os
import pathlib
import pwd
import random
import re
import shutil
import socket
import subprocess
import sys

import jsonschema
import yaml

from harness import (AS_ROOT, BINARY, HOME, REPOSITORY, SERVICE_USER, Place, Skipped, folder, free_port, installed_place, mode, need,
                     one_line, place, setup, tree)

sys.path.insert(0, str(HOME))
from installer import config as installer_config  # noqa: E402
from installer import dotenv  # noqa: E402

SCHEMA = json.loads((HOME / "installer-config.schema.json").read_text())


@contextlib.contextmanager
def ingest_place():
    """An installation with an ingest that may ask the server."""
    with place() as here:
        witness = {"stat_url": "http://127.0.0.1:1/stat",
                   "addresses": [{"url": "rtmp://ingest.example/live", "application": "live"}]}
        here.write({**here.config, "settings": {"ingest": {"witness": witness}}})
        here.installed()
        yield here


def check_schema_is_a_schema_and_takes_the_file_that_is_shipped():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    installer_config.load(HOME / "installer-config.yml")


def check_shipped_file_shows_every_key_with_its_default():
    shown = []
    for line in (HOME / "installer-config.yml").read_text().splitlines():
        if line == "settings:":
            break
        shown.append(line)
    # What is commented out reads as YAML once its mark is gone; words do not.
    shown = [re.sub(r"^# ", "", line) for line in shown if re.match(r"^(# )?( *)([a-z_]+):( |$)(?!the )", line)
             and not re.match(r"^# (native|compose): ", line) and "yaml-language-server" not in line]
    found = yaml.safe_load("\n".join(shown))
    for name, default in installer_config.defaults_of(SCHEMA).items():
        value = found
        for key in name.split("."):
            value = value[key]
        assert value == default, f"{name}: the file shows {value}, the schema says {default}"


def check_before_it_says_what_is_to_do_and_changes_nothing():
    with place() as here:
        before = tree(here.root)
        code, out, _ = here.setup("--check", "--systemd")
        assert code == 1, out
        assert tree(here.root) == before
        for part in (".env", "config.yaml", "admin_key", "prometheus_key", "bin/encoder-server",
                     "lib/encoder-manager", "encoder-manager.service"):
            assert re.search(rf"^to do .*{re.escape(part)}", out, re.M), f"{part}\n{out}"
        assert "ok       free disk" in out and "ok       settings" in out, out


def check_installation_is_private_and_owned():
    with installed_place() as here:
        wanted = {"/etc/encoder-manager/.env": 0o600, "/etc/encoder-manager/config.yaml": 0o640,
                  "/etc/encoder-manager/installed.json": 0o600, "/etc/encoder-manager/secrets": 0o711,
                  "/etc/encoder-manager/secrets/admin_key": 0o600,
                  "/etc/encoder-manager/secrets/prometheus_key": 0o640,
                  "/etc/encoder-manager/secrets/server.env": 0o600,
                  "/var/lib/encoder-manager": 0o700, "/var/lib/encoder-manager/encoder-manager.db": 0o600,
                  "/usr/local/bin/encoder-server": 0o755}
        for path, bits in wanted.items():
            assert mode(here.at(path)) == bits, f"{path}: {mode(here.at(path)):o}"
        if AS_ROOT:
            account = pwd.getpwnam(SERVICE_USER)
            for path in here.at("/var/lib/encoder-manager").rglob("*"):
                assert path.stat().st_uid == account.pw_uid, path
            assert here.secret("admin_key").stat().st_uid == 0
            assert here.secret("prometheus_key").stat().st_gid == account.pw_gid
            assert here.at("/etc/encoder-manager/config.yaml").stat().st_gid == account.pw_gid
        values = here.env_values()
        assert len(values["GRAFANA_ADMIN_PASSWORD"]) == 32, values
        assert len(values["INGEST_SECRET"]) == 48, values
        secrets = [values["GRAFANA_ADMIN_PASSWORD"], values["INGEST_SECRET"],
                   here.secret("admin_key").read_text().strip()]
        for path in here.root.rglob("*"):
            if path.is_file() and path.suffix in (".json", ".yaml"):
                assert not any(secret in path.read_text() for secret in secrets), path


def check_nothing_secret_is_said():
    with place() as here:
        said = here.installed()
        said += "".join(here.setup("--check")[1:]) + "".join(here.setup("--rotate", "prometheus_key")[1:])
        values = here.env_values()
        secrets = [values["GRAFANA_ADMIN_PASSWORD"], values["INGEST_SECRET"]]
        secrets += [here.secret(name).read_text().strip() for name in ("admin_key", "prometheus_key")]
        assert not any(secret in said for secret in secrets)


def check_second_run_changes_nothing():
    with place() as here:
        here.installed("--systemd")
        before = tree(here.root)
        assert "Everything is there already." in here.installed()
        code, out, _ = here.setup("--check")
        assert code == 0, out
        assert not re.search(r"^(to do|missing)", out, re.M), out
        assert tree(here.root) == before


def check_server_runs_from_what_was_installed():
    with ingest_place() as here, here.server():
        assert here.answer("/readyz")[0] == 200
        admin, prometheus = (here.secret(name).read_text().strip() for name in ("admin_key", "prometheus_key"))
        status, text = here.answer("/api/encoders/system/status", admin)
        assert status == 200 and json.loads(text)["total"] == 0, text
        assert here.answer("/api/keys", admin)[0] == 200
        assert here.answer("/metrics")[0] == 401
        status, text = here.answer("/metrics", prometheus)
        assert status == 200 and "encoder_" in text, text
        assert here.answer("/api/keys", prometheus)[0] == 403
        # The ingest's secret came through the environment.
        secret = here.env_values()["INGEST_SECRET"]
        assert here.answer("/api/ingest/authorize", "wrong" * 6, "POST")[0] == 401
        assert here.answer("/api/ingest/authorize", secret, "POST")[0] != 401
        # Its own port is not in its way.
        out = here.installed()
        assert "Everything is there already." in out, out
        probe = [str(here.at("/usr/local/bin/encoder-server")), "probe"]
        assert subprocess.run([*probe, f"http://127.0.0.1:{here.port}/readyz"], check=False).returncode == 0
        gone = subprocess.run([*probe, "http://127.0.0.1:1/readyz"], capture_output=True, text=True, check=False)
        assert gone.returncode == 1 and "does not answer" in gone.stderr, gone.stderr


def check_setup_on_the_machine_itself():
    """The real paths, a user that is made, a service that is started; see machine.py."""
    if not AS_ROOT:
        raise Skipped("only root can lay copies over /etc and /var/lib")
    unshare, here = need("unshare", "util-linux"), pathlib.Path(__file__).resolve().parent
    need("useradd", "passwd")
    with folder() as root:
        (root / "work").mkdir()
        inside = [unshare, "--mount", str(here / "on-machine"), str(root / "work")]
        if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode != 0:
            raise Skipped("this machine lets nobody mount in a namespace of its own")
        port, file = free_port(), root / "installer-config.yml"
        file.write_text(f"mode: native\nports:\n  server: {port}\nrequirements:\n  free_disk_mib: 64\nsettings:\n  encoders: []\n")
        said = subprocess.run([*inside, sys.executable, str(here / "machine.py"), str(file), str(port)],
                              capture_output=True, text=True, check=False, timeout=300)
        assert said.returncode == 0, said.stdout + said.stderr
        assert not pathlib.Path("/etc/encoder-manager/installed.json").exists()


def check_unit_is_valid_and_confined():
    analyze = need("systemd-analyze", "systemd")
    with place() as here:
        here.installed("--systemd")
        unit = here.at("/etc/systemd/system/encoder-manager.service")
        text = unit.read_text()
        for line in ("ProtectSystem=strict", "NoNewPrivileges=yes", "StateDirectory=encoder-manager",
                     "Restart=on-failure", "LimitNOFILE=65536", f"User={SERVICE_USER}",
                     "ExecStart=/usr/local/bin/encoder-server serve --config /etc/encoder-manager/config.yaml",
                     "EnvironmentFile=/etc/encoder-manager/secrets/server.env"):
            assert f"\n{line}\n" in text, line
        assert "WatchdogSec" not in re.sub(r"#.*", "", text) and "Type=notify" not in text
        # The units it refers to are this machine's, and the program is below the temporary root.
        moved = here.root / "encoder-manager.service"
        moved.write_text(text.replace("=/usr/local/bin/", f"={here.at('/usr/local/bin')}/"))
        said = subprocess.run([analyze, "verify", str(moved)], capture_output=True, text=True, check=False)
        about_it = [line for line in said.stderr.splitlines() if "encoder-manager.service" in line]
        assert said.returncode == 0 and not about_it, said.stderr
        said = subprocess.run([analyze, "security", "--offline=yes", "--no-pager", "--threshold=25", str(moved)],
                              capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout


def check_unit_may_open_a_low_port_only_when_it_listens_there():
    for port, allowed in ((443, "CAP_NET_BIND_SERVICE"), (8443, "")):
        with place() as here:
            here.write({**here.config, "ports": {"server": port}})
            code, _, error = here.setup("--systemd")
            if code != 0 and f"port of the server" in error:
                raise Skipped(f"port {port} is in use here")
            assert code == 0, error
            unit = here.at("/etc/systemd/system/encoder-manager.service").read_text()
            assert f"\nAmbientCapabilities={allowed}\n" in unit, unit


BROKEN = {
    "unknown key": ("mode: native\nservise:\n  user: x\n", ":2: servise: unknown key; did you mean `service`?"),
    "unknown nested key": ("mode: native\nports:\n  sever: 1\n", ":3: ports.sever: unknown key; did you mean `server`?"),
    "unlike any": ("mode: native\nports:\n  zzz: 1\n", ":3: ports.zzz: unknown key; expected one of alertmanager"),
    "wrong type": ("mode: native\nports:\n  server: '8080'\n", ":3: ports.server: must be a whole number"),
    "list for keys": ("mode: native\nports: [1]\n", ":2: ports: must be a group of keys"),
    "yes is text": ("mode: native\nservice:\n  systemd: yes\n", ":3: service.systemd: must be true or false"),
    "too large": ("mode: native\nports:\n  server: 70000\n", ":3: ports.server: must be at most 65535"),
    "no such mode": ("mode: docker\n", ":1: mode: must be native or compose"),
    "no mode": ("bind: 127.0.0.1\n", ":1: the file: `mode` is missing"),
    "no address": ("mode: native\nbind: localhost\n", ":2: bind: must be an IPv4 or IPv6 address in quotes"),
    "relative path": ("mode: native\npaths:\n  data: data\n", ":3: paths.data: must be a path from the root"),
    "twice": ("mode: native\nbind: 127.0.0.1\nbind: 127.0.0.1\n", ":3: bind: is there twice, first in line 2"),
    "not YAML": ("mode: native\nports: {server: 1\n", ":3: is not YAML: "),
    "two documents": ("mode: native\n---\nmode: native\n", ":2: is not YAML: "),
    "no keys": ("- mode\n", ":1: must be keys and values, such as `mode: native`"),
    "empty": ("", ":1: must be keys and values, such as `mode: native`"),
    "listen": ("mode: native\nsettings:\n  listen: 0.0.0.0:80\n", ":3: settings.listen: must not be here"),
    "unknown setting": ("mode: native\nsettings:\n  log:\n    formt: json\n",
                        ":4: settings.log.formt: unknown key; did you mean `format`?"),
    "zero setting": ("mode: native\nsettings:\n  limits: {body_bytes: 0}\n",
                     ":3: settings.limits.body_bytes: must be at least 1"),
    "setting of an encoder": (
        "mode: native\nsettings:\n  encoders:\n    - encoder_id: a\n      address: http://127.0.0.1\n      wieght: 1\n",
        ":6: settings.encoders.0.wieght: unknown key"),
    "compose with paths": ("mode: compose\npaths:\n  data: /srv\n", ":2: paths: has no meaning with `mode: compose`"),
    "one port for two": ("mode: compose\nports:\n  grafana: 9090\n",
                         ":3: ports.grafana: 9090 is the port of two: prometheus and grafana"),
}


def check_every_mistake_is_one_line_that_names_its_place():
    with place() as here:
        options = ["--server-binary", str(BINARY)]
        for name, (text, expected) in BROKEN.items():
            here.file.write_text(text)
            root = [] if "compose" in text else ["--root", str(here.root)]
            for words in ([], ["--check"]):
                code, out, error = here.setup(*words, options=[*root, *options])
                if words and code == 1:
                    # What the server finds is one of the requirements that --check lists.
                    error = next(line for line in out.splitlines() if line.startswith("missing")).split(": ", 1)[1]
                    code = 2
                said = one_line(error)
                assert code == 2, f"{name}: {code}"
                assert said.startswith(f"installer-config.yml{expected}"), f"{name}: {said}"
        assert not tree(here.root)


def check_all_mistakes_are_told_at_once_in_order():
    with place() as here:
        here.file.write_text("mode: native\nports:\n  server: no\n  web: 1\nservise: {}\n")
        code, _, error = here.setup()
        lines = [line.split(":")[2] for line in error.splitlines()]
        assert (code, lines) == (2, ["3", "4", "5"]), error


def check_mistakes_do_not_show_secrets():
    with place() as here:
        for value in ("12345678", "[hunter2secret]"):
            here.write({**here.config, "settings": {"aja": {"password": yaml.safe_load(value)}}})
            code, _, error = here.setup()
            assert code == 2 and "settings.aja.password" in error, error
            assert "12345678" not in error and "hunter2secret" not in error, error


def check_file_that_is_not_there():
    with place() as here:
        code, _, error = setup(["--config", str(here.root / "none.yml")])
        assert code == 2 and one_line(error).endswith("cannot be read: No such file or directory"), error


def check_taken_port_is_named_and_nothing_is_installed():
    with place() as here, socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", here.port))
        other.listen(8)
        code, _, error = here.setup()
        said = one_line(error)
        assert code == 2 and said.startswith("port of the server: Address already in use"), said
        assert "ports.server" in said and "SERVER_PORT" in said, said
        code, out, _ = here.setup("--check")
        assert code == 1 and "missing  port of the server: Address already in use" in out, out
        assert not tree(here.root)


def check_folder_that_cannot_be_written():
    with place() as here:
        here.at("/etc").mkdir()
        here.at("/etc").chmod(0o555)
        # Root may write anywhere unless that right is taken from it.
        before = []
        if AS_ROOT:
            before = [need("setpriv", "util-linux"), "--bounding-set=-dac_override,-dac_read_search,-fowner"]
        code, _, error = here.setup(before=before)
        here.at("/etc").chmod(0o755)
        said = one_line(error)
        assert code == 2 and f"{here.at('/etc')} cannot be written; run the setup as root" in said, said
        assert list(here.root.rglob("*")) == [here.at("/etc")]


def check_file_in_the_place_of_a_folder():
    with place() as here:
        here.at("/var").write_text("in the way")
        code, _, error = here.setup()
        said = one_line(error)
        assert code == 2 and f"{here.at('/var')} is not a folder" in said, said


def check_full_disk_is_told_before():
    with place() as here:
        here.write({**here.config, "requirements": {"free_disk_mib": 1 << 30}})
        code, _, error = here.setup()
        said = one_line(error)
        assert code == 2 and said.startswith("free disk: ") and "requirements.free_disk_mib" in said, said


def check_missing_program_and_missing_modules_are_told():
    with folder() as root:
        here = Place(root)
        alone = root / "monitoring"
        shutil.copytree(HOME, alone, ignore=shutil.ignore_patterns("secrets", ".env"))
        program = alone / "encoder_manager_setup"
        words = ["--config", str(here.file), "--root", str(here.root)]
        code, _, error = setup(words, program=program, PATH="/nonexistent")
        said = one_line(error)
        assert code == 2 and "cargo build --release" in said and "--server-binary" in said, said
        code, _, error = setup([*words, "--server-binary", "/nonexistent"], program=program)
        assert code == 2 and "/nonexistent: is not a program" in one_line(error), error
        # Without the folders of installed modules there is the standard library only.
        code, _, error = setup(words, program=program, python=(sys.executable, "-I", "-S"))
        assert code == 2 and "apt-get install python3-yaml python3-jsonschema" in one_line(error), error


def check_program_is_built_with_cargo_when_there_is_none():
    with folder() as root:
        here = Place(root)
        checkout = root / "checkout"
        (checkout / "examples" / "server").mkdir(parents=True)
        (checkout / "examples" / "server" / "Cargo.toml").touch()
        shutil.copytree(HOME, checkout / "examples" / "monitoring", ignore=shutil.ignore_patterns("secrets", ".env"))
        programs = root / "bin"
        programs.mkdir()
        cargo = programs / "cargo"
        cargo.write_text(f'#!/bin/sh\necho "$@" > {root}/asked\n/bin/mkdir -p target/release\n'
                         f'/bin/cp {BINARY} target/release/encoder-server\n')
        cargo.chmod(0o755)
        words = ["--config", str(here.file), "--root", str(here.root)]
        program = checkout / "examples" / "monitoring" / "encoder_manager_setup"
        code, out, error = setup(words, program=program, PATH=str(programs))
        assert code == 0, error
        assert (root / "asked").read_text().strip() == "build --release --locked -p encoder-server", out
        assert here.at("/usr/local/bin/encoder-server").read_bytes() == BINARY.read_bytes()


def check_rotation_changes_one_secret_only():
    with ingest_place() as here:
        before, keys = here.env_values(), here.secret("admin_key").read_text()
        name = "INGEST_SECRET"
        out = here.installed("--rotate", name)
        after = here.env_values()
        assert {key for key in after if after[key] != before[key]} == {name}
        assert len(after[name]) == 48 and "tell the ingest too" in out, out
        assert f"ENCODER_MANAGER__{name.replace('_', '__')}={after[name]}\n" in here.secret("server.env").read_text()
        assert here.secret("admin_key").read_text() == keys
        assert mode(here.env) == 0o600
        assert "Everything is there already." in here.installed()
        assert here.env_values() == after


def check_rotated_key_replaces_the_old_one():
    with installed_place() as here, here.server():
        old, admin = here.secret("prometheus_key").read_text(), here.secret("admin_key").read_text()
        here.installed("--rotate", "prometheus_key")
        new = here.secret("prometheus_key").read_text()
        assert new != old and mode(here.secret("prometheus_key")) == 0o640
        assert here.answer("/metrics", new.strip())[0] == 200
        status, text = here.answer("/metrics", old.strip())
        assert status == 401 and json.loads(text)["code"] == "key_revoked", text
        assert here.secret("admin_key").read_text() == admin
        assert "Everything is there already." in here.installed()


def check_unknown_secret_is_not_rotated():
    with installed_place() as here:
        before = tree(here.root)
        code, _, error = here.setup("--rotate", "SERVER_PORT")
        said = one_line(error)
        assert code == 2 and "choose one of admin_key, prometheus_key, GRAFANA_ADMIN_PASSWORD" in said, said
        assert tree(here.root) == before


def check_values_of_env_stay_as_they_were_written():
    with installed_place() as here:
        text = here.env.read_text()
        text = text.replace("PROMETHEUS_RETENTION=30d", "# ours\nPROMETHEUS_RETENTION = '90d'  # long")
        text = re.sub(r"(?m)^GRAFANA_PORT=.*\n", "", text)
        text = re.sub(r"(?m)^GRAFANA_ADMIN_PASSWORD=.*$", "GRAFANA_ADMIN_PASSWORD=", text)
        text += "ENCODER_MANAGER__AJA__PASSWORD='it $is \\ \"so\"'\nUNKNOWN=1\n"
        here.env.write_text(text)
        here.env.chmod(0o644)
        here.installed()
        after = here.env.read_text()
        assert mode(here.env) == 0o600
        assert "# ours\nPROMETHEUS_RETENTION = '90d'  # long\n" in after and "UNKNOWN=1\n" in after, after
        assert after.count("GRAFANA_PORT=3000\n") == 1, after
        assert re.search(r"(?m)^GRAFANA_ADMIN_PASSWORD=\w{32}$", after), after
        kept = [line for line in text.splitlines() if not line.startswith("GRAFANA_ADMIN_PASSWORD")]
        assert [line for line in after.splitlines() if line in kept][:len(kept)] == kept, after
        assert "ENCODER_MANAGER__AJA__PASSWORD='it $is \\ \"so\"'\n" in here.secret("server.env").read_text()
        assert "Everything is there already." in here.installed()
        assert here.env.read_text() == after


def check_broken_env_is_one_line():
    with installed_place() as here:
        whole = here.env.read_text()
        lines = len(whole.splitlines())
        for broken, expected in (("nonsense\n", "must be NAME=value"), ("GRAFANA_PORT=1\n", "is there twice"),
                                 ("X='a\n", "does not end")):
            here.env.write_text(whole + broken)
            code, _, error = here.setup()
            said = one_line(error)
            assert code == 2 and said.startswith(f"{here.env}:{lines + 1}: ") and expected in said, said
        for name, value, expected in (("SERVER_PORT", "99999", "must be a port"),
                                      ("BIND_ADDRESS", "here", "must be an IPv4 or IPv6 address")):
            here.write({**here.config, "ports": {}})
            here.env.write_text(re.sub(rf"(?m)^{name}=.*$", f"{name}={value}", whole))
            code, _, error = here.setup()
            assert code == 2 and f"{name}: {expected}" in one_line(error), error


def check_variables_of_the_server_are_checked_with_its_settings():
    with installed_place() as here:
        whole, before = here.env.read_text(), here.secret("server.env").read_text()
        for line, expected in (
            ("ENCODER_MANAGER__LIMITS__BODY_BYTS=5", "ENCODER_MANAGER__LIMITS__BODY_BYTS: unknown key; did you mean"),
            ("ENCODER_MANAGER__LIMITS__BODY_BYTES=0", "ENCODER_MANAGER__LIMITS__BODY_BYTES: must be at least 1"),
            ("TEMP_HIGH_THRESHOLD=hot", "TEMP_HIGH_THRESHOLD: "),
        ):
            here.env.write_text(f"{whole}{line}\n")
            code, _, error = here.setup()
            assert code == 2 and one_line(error).startswith(f"{here.env}: {expected}"), error
        assert here.secret("server.env").read_text() == before
        here.env.write_text(f"{whole}TEMP_HIGH_THRESHOLD=75\n")
        here.installed()
        assert "TEMP_HIGH_THRESHOLD=75\n" in here.secret("server.env").read_text()
    short = (REPOSITORY / "examples" / "server" / "src" / "config" / "short.rs").read_text()
    assert set(re.findall(r'"([A-Z]+_[A-Z_]+)"', short)) == set(dotenv.SHORT_NAMES)


def check_contradiction_with_env_is_told():
    with installed_place() as here:
        before = tree(here.root)
        here.write({**here.config, "ports": {"server": here.port + 1 if here.port < 65535 else 1024}})
        code, _, error = here.setup()
        said = one_line(error)
        assert code == 2 and "installer-config.yml:3: ports.server: is not what " in said, said
        assert f"SERVER_PORT={here.port}; make them equal" in said, said
        assert tree(here.root) == before


def check_changed_settings_arrive_and_nothing_else_changes():
    with installed_place() as here:
        before = tree(here.root)
        here.write({**here.config, "settings": {"metrics_open": True, "manager": {"auto_remediation": "on"}}})
        code, out, _ = here.setup("--check")
        assert code == 1 and re.search(r"^to do .*config\.yaml: to be written anew$", out, re.M), out
        here.installed()
        after = tree(here.root)
        changed = {path for path in after if after[path] != before.get(path)}
        # Folders have a new time of change.
        files = {path for path in changed if here.at(path).is_file()}
        assert files == {"etc/encoder-manager/config.yaml", "etc/encoder-manager/installed.json"}, files
        text = here.at("/etc/encoder-manager/config.yaml").read_text()
        assert "metrics_open: true" in text and "auto_remediation: 'on'" in text, text


def check_files_of_somebody_else_are_not_overwritten():
    with installed_place() as here:
        settings = here.at("/etc/encoder-manager/config.yaml")
        settings.write_text(settings.read_text() + "metrics_open: true\n")
        changed = settings.read_text()
        code, _, error = here.setup()
        assert code == 2 and f"{settings}: was changed after it was installed" in one_line(error), error
        assert settings.read_text() == changed
        settings.unlink()
        here.installed()
        assert "metrics_open" not in settings.read_text()
    with place() as here:
        settings = here.at("/etc/encoder-manager/config.yaml")
        settings.parent.mkdir(parents=True)
        settings.write_text("listen: 127.0.0.1:1\n")
        code, _, error = here.setup()
        assert code == 2 and "is there, and not from this setup" in one_line(error), error
        assert settings.read_text() == "listen: 127.0.0.1:1\n"


def check_keys_that_are_gone():
    with installed_place() as here:
        old = here.secret("prometheus_key").read_text()
        here.secret("admin_key").unlink()
        here.secret("prometheus_key").unlink()
        here.installed()
        assert not here.secret("admin_key").exists(), "an operator's key is handed out once"
        assert here.secret("prometheus_key").read_text() != old
        with here.server():
            assert here.answer("/metrics", old.strip())[0] == 401
            assert here.answer("/metrics", here.secret("prometheus_key").read_text().strip())[0] == 200
        # A new database knows no key.
        shutil.rmtree(here.at("/var/lib/encoder-manager"))
        here.installed()
        with here.server():
            assert here.answer("/api/keys", here.secret("admin_key").read_text().strip())[0] == 200
            assert here.answer("/metrics", here.secret("prometheus_key").read_text().strip())[0] == 200


def check_key_that_ends_is_told():
    with place() as here:
        here.write({**here.config, "keys": {"prometheus_days": 5, "admin_days": 20}})
        here.installed()
        code, out, _ = here.setup("--check")
        assert code == 0 and re.search(r"prometheus_key .*ends in 4 days; .*--rotate prometheus_key", out), out
        record = here.at("/etc/encoder-manager/installed.json")
        text = json.loads(record.read_text())
        text["keys"]["prometheus_key"]["until"] = "2020-01-01T00:00:00.000Z"
        record.write_text(json.dumps(text))
        code, out, _ = here.setup("--check")
        assert code == 1 and "has ended; run the setup with --rotate prometheus_key" in out, out


def check_interrupted_installation_is_completed():
    with folder() as root:
        here = Place(root)
        # A server that cannot make keys yet.
        broken = root / "encoder-server"
        broken.write_text(f'#!/bin/sh\n[ "$1" = keys ] && {{ echo "encoder-server: no room" >&2; exit 1; }}\n'
                          f'exec {BINARY} "$@"\n')
        broken.chmod(0o755)
        options = ["--root", str(here.root), "--server-binary", str(broken)]
        code, _, error = here.setup(options=options)
        assert code == 2 and "cannot be made" in one_line(error) and error.rstrip().endswith("no room"), error
        values = here.env_values()
        here.installed()
        assert here.env_values() == values
        assert here.secret("admin_key").exists() and here.secret("prometheus_key").exists()
        assert here.setup("--check")[0] == 0


def check_uninstalling_keeps_data_and_secrets_for_the_next_time():
    with place() as here:
        here.installed("--systemd")
        kept = {path: here.at(path).read_bytes() for path in (
            "/etc/encoder-manager/.env", "/etc/encoder-manager/secrets/admin_key",
            "/etc/encoder-manager/secrets/prometheus_key", "/var/lib/encoder-manager/encoder-manager.db")}
        code, out, error = here.setup("--uninstall")
        assert code == 0, error
        assert "--purge removes them" in out, out
        for path in ("/usr/local/bin/encoder-server", "/etc/encoder-manager/config.yaml",
                     "/etc/systemd/system/encoder-manager.service"):
            assert not here.at(path).exists(), path
        assert {path: here.at(path).read_bytes() for path in kept} == kept
        assert here.setup("--uninstall")[0] == 0
        here.installed()
        assert {path: here.at(path).read_bytes() for path in kept} == kept
        assert here.setup("--check")[0] == 0


def check_purge_leaves_nothing_but_what_others_put_there():
    with place() as here:
        here.installed("--systemd")
        assert here.setup("--uninstall", "--purge")[0] == 0
        assert not tree(here.root)
        code, out, _ = here.setup("--uninstall", "--purge")
        assert code == 0 and out == "Nothing is installed.\n", out
    with place() as here:
        here.at("/var/lib/encoder-manager").mkdir(parents=True)
        here.at("/var/lib/encoder-manager/mine").write_text("of somebody else")
        here.at("/etc").mkdir()
        here.installed()
        here.at("/etc/encoder-manager/secrets/note").write_text("of somebody else")
        assert here.setup("--uninstall", "--purge")[0] == 0
        files = {str(path.relative_to(here.root)) for path in here.root.rglob("*") if path.is_file()}
        assert "var/lib/encoder-manager/mine" in files and "etc/encoder-manager/secrets/note" in files, files
        assert not any("key" in path or ".env" in path for path in files), files


def check_two_at_a_time_are_one_after_the_other():
    with place() as here, open_folder(here.root) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        code, _, error = here.setup()
        assert code == 2 and one_line(error).endswith("another setup is at work here; wait for it to end"), error
        assert here.setup("--check")[0] == 1
        assert not tree(here.root)


@contextlib.contextmanager
def open_folder(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def check_command_line_that_makes_no_sense():
    for words in (["--purge"], ["--check", "--rotate", "admin_key"], ["--uninstall", "--check"], ["--nonsense"]):
        code, _, error = setup(words)
        assert code == 2 and "encoder_manager_setup: error: " in error, error
    code, _, error = setup(["--root", "/nonexistent"])
    assert code == 2 and one_line(error).endswith("there is no such folder; make it first"), error


def check_quoted_values_are_read_as_they_were():
    draw = random.Random(5)
    letters = "ab $`\"'\\#=;!%&()é"
    for _ in range(2000):
        value = "".join(draw.choice(letters) for _ in range(draw.randrange(9)))
        assert dotenv.unquoted(dotenv.quoted(value)) == value, value
    values = ["plain", "with space", "it's", '"', "$HOME `id`", "back\\slash", "it's $a \\ \"b\""]
    text = "".join(f"V{number}={dotenv.quoted(value)}\n" for number, value in enumerate(values))
    with folder() as root:
        (root / "env").write_text(text)
        shell = f". {root}/env; for n in {' '.join(map(str, range(len(values))))}; do eval printf '%s\\\\n' \\\"\\$V$n\\\"; done"
        said = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
        assert said.stdout.splitlines() == values, said.stdout


def check_documentation_names_every_option():
    text = (HOME / "INSTALL.md").read_text()
    _, out, _ = setup(["--help"])
    for option in sorted(set(re.findall(r"--[a-z-]+", out)) - {"--help"}):
        assert f"`{option}" in text or f" {option}" in text, f"INSTALL.md does not mention {option}"
    assert pathlib.Path(HOME / "encoder_manager_setup").stat().st_mode & 0o111
