"""The systemd unit."""

from __future__ import annotations

# The server says neither that it is ready nor that it is alive to systemd, so there is no
# Type=notify and no WatchdogSec. MemoryDenyWriteExecute is left out for the sake of ffmpeg's
# libraries, which may compile for the processor at hand.
UNIT = """\
# Written by encoder_manager_setup. Put changes into {name}.d/, for example with
# `systemctl edit {name}`.
[Unit]
Description=Encoder manager
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
User={user}
Group={user}
WorkingDirectory={data}
EnvironmentFile={environment}
ExecStart={program} serve --config {settings}
Restart=on-failure
RestartSec=2
TimeoutStopSec=30
LimitNOFILE=65536
UMask=0077
{state}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome={home}
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateDevices=yes
PrivateTmp=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
{capabilities}
[Install]
WantedBy=multi-user.target
"""

STATE = "/var/lib/"


def text(*, name: str, user: str, data: str, environment: str, program: str,
         settings: str, low_port: bool) -> str:
    """The unit. `low_port` says that it listens below 1024."""
    if data.startswith(STATE) and "/" not in data[len(STATE):]:
        state = f"StateDirectory={data[len(STATE):]}\nStateDirectoryMode=0700"
    else:
        state = f"ReadWritePaths={data}"
    allowed = "CAP_NET_BIND_SERVICE" if low_port else ""
    capabilities = f"CapabilityBoundingSet={allowed}\nAmbientCapabilities={allowed}\n"
    at_home = any(path.startswith(("/home/", "/root/")) for path in (program, settings, data))
    return UNIT.format(name=name, user=user, data=data, environment=environment, program=program,
                       settings=settings, state=state, capabilities=capabilities,
                       home="read-only" if at_home else "yes")
