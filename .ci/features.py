"""One line per way to compile the library and the drivers: package, then cargo's arguments."""

import cargo

PACKAGES = ("encoder-core", "encoder-aja", "encoder-ffmpeg")

for package in cargo.metadata("--no-deps")["packages"]:
    if package["name"] in PACKAGES:
        print(package["name"], "--no-default-features")
        for feature in sorted(set(package["features"]) - {"default"}):
            print(package["name"], "--no-default-features --features", feature)
