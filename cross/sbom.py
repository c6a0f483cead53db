#!/usr/bin/env python3
"""Writes the daemon's dependencies as a CycloneDX 1.5 document.

usage: cross/sbom.py TRIPLE OUT.json

What cargo builds for TRIPLE, without what only tests need. The document has no date and no random
number: the same Cargo.lock gives the same bytes.
"""

import hashlib
import json
import subprocess
import sys
import tomllib


def built(metadata):
    """Ids of the packages that go into the binary or help to build it."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    seen, todo = set(), [metadata["resolve"]["root"]]
    while todo:
        package = todo.pop()
        if package in seen:
            continue
        seen.add(package)
        todo += [
            dep["pkg"]
            for dep in nodes[package]["deps"]
            if any(kind["kind"] != "dev" for kind in dep["dep_kinds"])
        ]
    return seen, nodes


def component(package, checksums):
    name, version = package["name"], package["version"]
    entry = {
        "type": "library",
        "bom-ref": f"pkg:cargo/{name}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:cargo/{name}@{version}",
    }
    if package["license"]:
        # Cargo allowed "/" for OR before SPDX.
        entry["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum := checksums.get((name, version)):
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return entry


def main():
    triple, out = sys.argv[1:]
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", triple]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    with open("Cargo.lock", "rb") as lock:
        text = lock.read()
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.loads(text.decode())["package"]}
    ids, nodes = built(metadata)
    packages = {p["id"]: p for p in metadata["packages"] if p["id"] in ids}
    root = packages.pop(metadata["resolve"]["root"])
    ref = {i: f"pkg:cargo/{p['name']}@{p['version']}" for i, p in packages.items()}
    digest = hashlib.sha256(text + triple.encode()).hexdigest()
    uuid = f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid}",
        "version": 1,
        "metadata": {
            "component": {**component(root, {}), "type": "application"},
            "properties": [{"name": "target", "value": triple}],
        },
        "components": sorted((component(p, checksums) for p in packages.values()), key=lambda c: c["bom-ref"]),
        "dependencies": sorted(
            (
                {"ref": ref[i], "dependsOn": sorted(ref[d["pkg"]] for d in nodes[i]["deps"] if d["pkg"] in ref)}
                for i in packages
            ),
            key=lambda d: d["ref"],
        ),
    }
    with open(out, "w") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
