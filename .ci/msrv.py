"""No crate promises an older Rust than its dependencies need.

Reads the resolved graph with all features; dependencies of tests do not count.
"""

import sys

import cargo


def version(text: str) -> tuple:
    numbers = [int(number) for number in text.split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))


def needed_by(root: str, nodes: dict) -> set:
    found, waiting = set(), [root]
    while waiting:
        package = waiting.pop()
        if package in found:
            continue
        found.add(package)
        waiting += [
            dependency["pkg"]
            for dependency in nodes[package]["deps"]
            if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])
        ]
    return found - {root}


def main() -> int:
    graph = cargo.metadata("--all-features", "--filter-platform", cargo.host())
    packages = {package["id"]: package for package in graph["packages"]}
    nodes = {node["id"]: node for node in graph["resolve"]["nodes"]}
    failed = False
    for member in graph["workspace_members"]:
        asked = [packages[package] for package in needed_by(member, nodes)]
        asked = [package for package in asked if package["rust_version"]]
        highest = max(asked, key=lambda package: version(package["rust_version"]))
        name, promised = packages[member]["name"], packages[member]["rust_version"]
        needs = f"{highest['name']} needs {highest['rust_version']}"
        if promised is None or version(promised) < version(highest["rust_version"]):
            failed = True
            print(f"{name}: rust-version is {promised}, but {needs}")
        else:
            print(f"{name}: {promised} ({needs})")
    return failed


if __name__ == "__main__":
    sys.exit(main())
