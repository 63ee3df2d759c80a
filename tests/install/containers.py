"""docker-compose.yml, the Dockerfile, and the setup with `mode: compose`. No container is started:
Docker's part is played by a program that runs the server itself."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import jsonschema
import yaml

from harness import BINARY, HOME, REPOSITORY, Skipped, folder, free_port, mode, one_line, setup, tree

COMPOSE = HOME / "docker-compose.yml"
# From github.com/compose-spec/compose-spec; README.md here says which one, and its license.
SPECIFICATION = pathlib.Path(__file__).resolve().parent / "compose-spec.json"
SERVICES = {"server": 8080, "prometheus": 9090, "alertmanager": 9093, "grafana": 3000}
# What the setup makes beside the file.
MADE = {"config.yaml", "secrets"}
VARIABLE = re.compile(r"\$\{([A-Z_]+)")


def document():
    return yaml.safe_load(COMPOSE.read_text())


def services():
    return document()["services"]


def check_compose_file_is_valid_by_the_specification():
    schema = json.loads(SPECIFICATION.read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    problems = [f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
                for error in jsonschema.Draft7Validator(schema).iter_errors(document())]
    assert not problems, problems


def check_compose_file_is_valid_by_docker_itself():
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        raise Skipped("there is no `docker compose` here (package docker-compose-plugin of docker.com)")
    with folder() as root:
        shutil.copytree(HOME, root / "monitoring")
        (root / "monitoring" / ".env").write_text((HOME / ".env.example").read_text() + "SECRETS_GID=1\n")
        said = subprocess.run([docker, "compose", "--file", root / "monitoring" / COMPOSE.name, "config", "--quiet"],
                              capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr


def check_every_container_is_confined():
    assert set(services()) == set(SERVICES)
    for name, service in services().items():
        user, group = service["user"].split(":")
        assert user.isdigit() and group.isdigit() and user != "0", f"{name}: {service['user']}"
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"] and "cap_add" not in service, name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["restart"] == "unless-stopped", name
        assert any(path.startswith("/tmp:") for path in service["tmpfs"]), name
        assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & set(service), name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert "SECRETS_GID" in service["group_add"][0], name


def check_every_port_is_the_usual_one_and_private():
    for name, usual in SERVICES.items():
        (port,) = services()[name]["ports"]
        assert port["target"] == usual, name
        assert port["published"] == f"${{{name.upper()}_PORT:-{usual}}}", port
        assert port["host_ip"] == "${BIND_ADDRESS:-127.0.0.1}", port


def check_every_image_is_pinned():
    for name, service in services().items():
        image, tag = service["image"].rsplit(":", 1)
        ours = "build" in service
        assert image.startswith("encoder-manager/") if ours else re.fullmatch(r"v?\d+\.\d+\.\d+", tag), service["image"]


def check_every_mount_exists():
    declared = set(document()["volumes"])
    used = set()
    for name, service in services().items():
        for mount in service["volumes"]:
            if isinstance(mount, str):
                used.add(mount.split(":")[0])
                continue
            assert mount["type"] == "bind" and mount["read_only"] is True, mount
            assert mount["bind"]["create_host_path"] is False, mount
            source = pathlib.PurePath(mount["source"])
            assert source.parts[0] in MADE or (HOME / source).exists(), f"{name}: there is no {source}"
    assert used == declared, used ^ declared


def check_every_secret_is_a_file_that_the_setup_makes():
    declared = document()["secrets"]
    used = set()
    for service in services().values():
        for secret in service.get("secrets", []):
            used.add(secret if isinstance(secret, str) else secret["source"])
        for value in service.get("environment", {}).values():
            assert "PASSWORD" not in value and "SECRET" not in value.replace("/run/secrets/", ""), value
    assert used == set(declared), used ^ set(declared)
    with compose_place() as here:
        here.installed()
        for secret in declared.values():
            assert (here.home / secret["file"]).is_file(), secret


def check_what_monitoring_reads_is_mounted_where_it_reads_it():
    """Secrets that the configurations name by file are mounted beside them."""
    for name in ("prometheus", "alertmanager"):
        file = HOME / name / f"{name}.yml"
        wanted = set(re.findall(r"^[^#\n]*_file: *(\S+)", file.read_text(), re.M))
        mounted = {secret["target"] for secret in services()[name]["secrets"]}
        for path in wanted:
            assert f"/etc/{name}/{path}" in mounted, f"{file.name} reads {path}; mounted are {mounted}"


def check_what_grafana_is_given_is_where_it_looks():
    provisioning = HOME / "grafana" / "provisioning"
    mounted = {mount["target"] for mount in services()["grafana"]["volumes"] if isinstance(mount, dict)}
    assert "/etc/grafana/provisioning" in mounted
    for file in provisioning.glob("*/*.y*ml"):
        content = yaml.safe_load(file.read_text())
        for provider in content.get("providers", []):
            assert provider["options"]["path"] in mounted, f"{file.name}: {provider['options']['path']}"
        for source in content.get("datasources", []):
            name, port = re.fullmatch(r"http://([a-z]+):(\d+)", source["url"]).groups()
            assert SERVICES[name] == int(port), source["url"]


def check_who_prometheus_asks_is_a_container():
    file = HOME / "prometheus" / "prometheus.yml"
    for target in re.findall(r"targets: \[([^\]]*)\]", file.read_text()):
        for name, port in re.findall(r"([a-z]+):(\d+)", target):
            assert SERVICES["prometheus" if name == "localhost" else name] == int(port), target


def check_every_variable_is_in_the_example():
    known = {line.split("=")[0] for line in (HOME / ".env.example").read_text().splitlines() if "=" in line and line[0] != "#"}
    used = set(VARIABLE.findall(COMPOSE.read_text()))
    assert used <= known, used - known
    unused = {name for name in known - used if not name.startswith("ENCODER_MANAGER__")}
    code = "".join(file.read_text() for file in (HOME / "installer").glob("*.py"))
    assert not {name for name in unused if f'"{name}"' not in code}, unused


def check_who_waits_for_whom():
    assert services()["grafana"]["depends_on"]["prometheus"]["condition"] == "service_healthy"
    assert services()["prometheus"]["depends_on"]["alertmanager"]["condition"] == "service_healthy"
    # A server that is not well must be seen.
    assert services()["prometheus"]["depends_on"]["server"]["condition"] == "service_started"


def check_dockerfile_builds_in_stages_and_ends_without_root():
    lines = [line for line in re.sub(r"\\\n\s*", "", (HOME / "Dockerfile").read_text()).splitlines()
             if line and line[0] != "#"]
    stages = [line.split() for line in lines if line.startswith("FROM ")]
    rust, last = stages[0][1], stages[-1][1]
    wanted = re.search(r"^rust_wanted=(\S+)", (REPOSITORY / ".ci" / "tools").read_text(), re.M)[1]
    assert rust == f"rust:{wanted}-bookworm" and last == "debian:bookworm-slim", stages
    final = lines[lines.index(" ".join(stages[-1])):]
    text = "\n".join(final)
    (build,) = [line for line in lines if "cargo build" in line]
    assert "cargo build --release --locked -p encoder-server" in build and "type=cache" in build, build
    assert "\nUSER 10001:10001\n" in text and services()["server"]["user"] == "10001:10001"
    assert "ca-certificates" in text and "WITH_FFMPEG" in text
    (health,) = [line for line in final if line.startswith("HEALTHCHECK")]
    test = json.loads(health.split(" CMD ")[1])
    assert ["CMD", *test] == services()["server"]["healthcheck"]["test"], test
    assert json.loads(final[-2].split(" ", 1)[1]) == ["encoder-server"], final[-2]
    words = json.loads(final[-1].split(" ", 1)[1])
    # The command line is one that the program knows.
    said = subprocess.run([BINARY, words[0], "--help"], capture_output=True, text=True, check=False)
    assert said.returncode == 0 and words[1] in said.stdout, words
    said = subprocess.run([BINARY, test[1], "--help"], capture_output=True, text=True, check=False)
    assert said.returncode == 0, test


def check_no_image_holds_secrets():
    ignored = (REPOSITORY / ".dockerignore").read_text().split()
    for path in ("**/.env", "examples/monitoring/secrets", "examples/monitoring/config.yaml", ".git", "**/target"):
        assert path in ignored, path
    tracked = (REPOSITORY / ".gitignore").read_text() + (
        (HOME / ".gitignore").read_text() if (HOME / ".gitignore").exists() else "")
    for path in (".env", "config.yaml", "secrets/"):
        assert path in tracked, path


# Plays `docker`: what is run in the server's container is run here, on a folder for its volume.
DOCKER = """\
#!/bin/sh
echo "$@" >> {state}/asked
case "$1 $2" in
"compose version") echo 2.40.0; exit ;;
"volume inspect") test -d {state}/data; exit ;;
"image inspect") test -e {state}/image; exit ;;
esac
if [ "$1" = run ]; then
    for word; do case "$word" in *:/tmp/config.yaml:ro) file=${{word%%:*}} ;; *:/tmp/server.env:ro) exec {binary} check-config "$file" --env "${{word%%:*}}" ;; esac; done
fi
shift 3
case "$1" in
config) exit ;;
build) touch {state}/image; exit ;;
down) [ "$2" != --volumes ] || rm -rf {state}/data; exit ;;
run) ;;
*) echo "unknown: $*" >&2; exit 1 ;;
esac
test -f {home}/config.yaml && test -f {home}/secrets/server.env || exit 1
while [ "$1" != server ]; do shift; done
shift
for word; do
    shift
    [ "$word" = /var/lib/encoder-manager ] && word={state}/data
    set -- "$@" "$word"
done
exec {binary} "$@"
"""


class ComposePlace:
    """A copy of the folder, in which the setup works, and a `docker` of our own."""

    def __init__(self, root, local=True):
        self.state = root / "docker"
        self.state.mkdir()
        self.home = root / "monitoring"
        shutil.copytree(HOME, self.home, ignore=shutil.ignore_patterns("secrets", ".env", "__pycache__"))
        (self.home / "installer-config.yml").write_text(yaml.safe_dump({
            "mode": "compose", "ports": {name: free_port() for name in SERVICES},
            "requirements": {"free_disk_mib": 64}, "settings": {"encoders": []}}))
        programs = root / "bin"
        programs.mkdir()
        docker = programs / "docker"
        docker.write_text(DOCKER.format(state=self.state, home=self.home, binary=BINARY))
        docker.chmod(0o755)
        self.path = f"{programs}:{os.environ['PATH']}"
        self.words = ["--server-binary", str(BINARY)] if local else []

    def setup(self, *words):
        return setup([*self.words, *words], program=self.home / "encoder_manager_setup", PATH=self.path)

    def installed(self, *words):
        code, out, error = self.setup(*words)
        assert code == 0, error
        return out

    def secret(self, name):
        return self.home / "secrets" / name

    def keys(self):
        said = subprocess.run([BINARY, "keys", "list", "--data", self.state / "data"], capture_output=True,
                              text=True, check=True)
        return said.stdout.splitlines()


class compose_place:
    def __init__(self, local=True):
        self.local = local

    def __enter__(self):
        self.folder = folder()
        return ComposePlace(self.folder.__enter__(), self.local)

    def __exit__(self, *why):
        return self.folder.__exit__(*why)


def check_setup_prepares_containers():
    with compose_place() as here:
        before = tree(here.home)
        code, out, _ = here.setup("--check")
        assert code == 1 and "ok       docker compose: version 2.40.0" in out, out
        assert tree(here.home) == before
        out = here.installed()
        assert "docker compose up --detach --wait" in out, out
        env = dict(line.split("=", 1) for line in (here.home / ".env").read_text().splitlines()
                   if line and line[0] != "#")
        group = int(env["SECRETS_GID"])
        assert group == (10001 if os.geteuid() == 0 else os.getgid())
        assert mode(here.home / ".env") == 0o600 and mode(here.secret("admin_key")) == 0o600
        for name in ("server.env", "prometheus_key", "grafana_admin_password", "alertmanager_smtp_password"):
            about = here.secret(name).stat()
            assert mode(here.secret(name)) == 0o640 and about.st_gid == group, name
        assert here.secret("grafana_admin_password").read_text() == env["GRAFANA_ADMIN_PASSWORD"]
        settings = yaml.safe_load((here.home / "config.yaml").read_text())
        assert (settings["listen"], settings["data"]) == ("0.0.0.0:8080", "/var/lib/encoder-manager"), settings
        ports = yaml.safe_load((here.home / "installer-config.yml").read_text())["ports"]
        assert {name: int(env[f"{name.upper()}_PORT"]) for name in ports} == ports
        assert "--force-recreate" not in out
        scopes = sorted(line.split()[1] for line in here.keys())
        assert scopes == ["admin", "read"], here.keys()
        after = tree(here.home)
        assert "Everything is there already." in here.installed()
        assert here.setup("--check")[0] == 0
        assert tree(here.home) == after
        assert "--force-recreate" in here.installed("--rotate", "GRAFANA_ADMIN_PASSWORD")
        assert here.secret("grafana_admin_password").read_text() != env["GRAFANA_ADMIN_PASSWORD"]


def check_setup_of_containers_uninstalls_and_purges():
    with compose_place() as here:
        here.installed()
        assert here.setup("--uninstall")[0] == 0
        assert not (here.home / "config.yaml").exists() and here.secret("admin_key").exists()
        assert (here.home / ".env").exists() and (here.state / "data").exists()
        here.installed()
        assert len(here.keys()) == 2
        assert here.setup("--uninstall", "--purge")[0] == 0
        left = {path.name for path in here.home.iterdir()}
        assert not {".env", "secrets", "config.yaml", "installed.json"} & left, left
        assert not (here.state / "data").exists()


def check_setup_of_containers_without_docker_or_with_other_options():
    with compose_place() as here:
        # Only what the setup itself is started with.
        here.path = str(here.state)
        code, _, error = here.setup()
        assert code == 2 and one_line(error).startswith("docker compose: there is no `docker`"), error
        for words in (["--root", "/tmp"], ["--systemd"]):
            code, _, error = here.setup(*words)
            assert code == 2 and "goes with `mode: native`" in one_line(error), error


def check_setup_builds_the_image_and_makes_keys_in_it():
    with compose_place(local=False) as here:
        here.installed()
        asked = (here.state / "asked").read_text()
        assert re.search(r"^run --rm --network none .* encoder-manager/server:local check-config /tmp/config.yaml --env /tmp/server.env$",
                         asked, re.M), asked
        file = re.escape(str(here.home / "docker-compose.yml"))
        assert re.search(rf"^compose --file {file} build server$", asked, re.M), asked
        assert re.search(rf"^compose --file {file} run --rm --no-deps -T server keys create --name prometheus "
                         r"--scope read --days 365 --data /var/lib/encoder-manager$", asked, re.M), asked
