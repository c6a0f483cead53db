#!/usr/bin/env python3
"""Writes what a package holds as a CycloneDX 1.5 document: the crates and the models.

usage: cross/sbom.py TRIPLE OUT.json

Crates that are linked into the binary for TRIPLE have the scope "required"; those that only help to
build it (build scripts, procedural macros and what these use) have the scope "excluded". What only
tests need is left out. The document has no date and no random number: the same commit gives the same
bytes.
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cargo(*arguments):
    return subprocess.run(("cargo", *arguments), check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout


def tree(triple, edges):
    """Name and version of each crate that is reached by `edges`, with the features of a build."""
    lines = cargo(
        "tree", "--locked", "--target", triple, "--edges", edges, "--prefix", "none", "--format", "{p}"
    ).splitlines()
    # "name v1.2.3 (proc-macro) (*)"; a blank line separates parts of the tree.
    return {(name, version) for name, version in (re.match(r"(\S+) v(\S+)", line).groups() for line in lines if line)}


def purl(name, version):
    return f"pkg:cargo/{name}@{version}"


def crate(package, checksums, scope):
    name, version = package["name"], package["version"]
    entry = {
        "type": "library",
        "bom-ref": purl(name, version),
        "name": name,
        "version": version,
        "scope": scope,
        "purl": purl(name, version),
    }
    if package["license"]:
        # Cargo allowed "/" for OR before SPDX.
        entry["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}]
    if checksum := checksums.get((name, version)):
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return entry


def model(folder):
    manifest = tomllib.loads((folder / "model.toml").read_text())
    digest = hashlib.sha256((folder / manifest["file"]["onnx"]).read_bytes()).hexdigest()
    if digest != manifest["file"]["sha256"]:
        sys.exit(f"sbom: {folder}/{manifest['file']['onnx']} has not the SHA-256 of its model.toml")
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{manifest['name']}@{manifest['version']}",
        "name": manifest["name"],
        "version": manifest["version"],
        "scope": "required",
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "licenses": [{"expression": manifest["licence"]}],
        "properties": [{"name": "posed:data_terms", "value": manifest["data_terms"]}],
    }


def packaged_models():
    """Folders of the models that Cargo.toml puts into the package."""
    package = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]
    assets = [asset[0] for asset in package["metadata"]["deb"]["assets"]]
    return sorted(ROOT / Path(asset).parent for asset in assets if asset.endswith("/model.*"))


def document(triple):
    options = ("--locked", "--format-version", "1", "--filter-platform", triple)
    metadata = json.loads(cargo("metadata", *options))
    lock = (ROOT / "Cargo.lock").read_text()
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.loads(lock)["package"]}
    linked = tree(triple, "normal,no-proc-macro")
    wanted = tree(triple, "normal,build")
    packages = {p["id"]: p for p in metadata["packages"] if (p["name"], p["version"]) in wanted}
    root = metadata["resolve"]["root"]

    def scope(package):
        return "required" if (package["name"], package["version"]) in linked else "excluded"

    def needs(node):
        """Crates that a crate needs, less those that only its tests need."""
        used = (dep["pkg"] for dep in node["deps"] if any(kind["kind"] != "dev" for kind in dep["dep_kinds"]))
        return sorted({purl(packages[i]["name"], packages[i]["version"]) for i in used if i in packages})

    models = [model(folder) for folder in packaged_models()]
    crates = [crate(p, checksums, scope(p)) for i, p in packages.items() if i != root]
    crates.sort(key=lambda component: component["bom-ref"])
    posed = {**crate(packages[root], checksums, "required"), "type": "application"}
    depends = {
        purl(packages[node["id"]]["name"], packages[node["id"]]["version"]): needs(node)
        for node in metadata["resolve"]["nodes"]
        if node["id"] in packages
    }
    depends[posed["bom-ref"]] = sorted(depends[posed["bom-ref"]] + [m["bom-ref"] for m in models])
    digest = hashlib.sha256(json.dumps([lock, triple, models]).encode()).hexdigest()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        # A version 5 UUID by its bits: made from a hash of the content.
        "serialNumber": f"urn:uuid:{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}",
        "version": 1,
        "metadata": {"component": posed, "properties": [{"name": "posed:target", "value": triple}]},
        "components": crates + models,
        "dependencies": [{"ref": ref, "dependsOn": depends[ref]} for ref in sorted(depends)],
    }


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    triple, out = sys.argv[1:]
    text = json.dumps(document(triple), indent=1, ensure_ascii=False) + "\n"
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
