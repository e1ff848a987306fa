"""What is locked, for others to judge: `make audit`.

In: requirements.lock. Out: `sbom.json` in the home (CycloneDX), and known vulnerabilities by pip-audit where its
service can be reached. Where it cannot, that is said, and nothing is claimed: the exit code is 2, and 1 only for a
vulnerability that was found.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from counterflow.settings import PROJECT, Settings

LOCK = PROJECT / "requirements.lock"
FOUND, UNKNOWN = 1, 2
_BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Locked:
    """A package of the lock; one with markers may be there in two versions."""

    name: str
    version: str
    hashes: tuple[str, ...]  # SHA-256 of each file that is accepted


def locked(lock: Path = LOCK) -> list[Locked]:
    """Every package of the lock, in its order."""
    text = lock.read_text("utf-8")
    blocks = re.finditer(
        r"^([A-Za-z0-9._-]+)==([^\s;\\]+)[^\n]*((?:\n +--hash=[^\n]*)+)", text, re.M
    )
    return [
        Locked(one[1], one[2], tuple(re.findall(r"sha256:([0-9a-f]{64})", one[3])))
        for one in blocks
    ]


def sbom(target: Path, lock: Path = LOCK) -> int:
    """Write the list of what is locked; how many components it has. The same lock gives the same bytes."""
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    components = [
        Component(
            name=one.name,
            version=one.version,
            type=ComponentType.LIBRARY,
            bom_ref=f"{one.name}=={one.version}",
            purl=PackageURL("pypi", name=one.name, version=one.version),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in one.hashes],
        )
        for one in locked(lock)
    ]
    said = json.loads(JsonV1Dot6(Bom(components=components)).output_as_string())
    del said["serialNumber"], said["metadata"]["timestamp"]  # of this run, not of the lock
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", "utf-8")
    return len(components)


def vulnerabilities(lock: Path = LOCK) -> tuple[int, str]:
    """Exit code and what to say: 0 none, FOUND with their list, UNKNOWN where nobody could be asked."""
    command = [str(_BIN / "pip-audit"), "-r", str(lock), "--require-hashes", "--disable-pip"]
    try:
        done = subprocess.run(
            [*command, "--progress-spinner", "off", "--format", "json", "--timeout", "15"],
            check=False, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        said = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, json.JSONDecodeError, KeyError):
        return UNKNOWN, (
            "vulnerabilities: NOT KNOWN. pip-audit could not ask its service from this machine: "
            "run `make audit` where the internet can be reached, before a deployment and every month"
        )
    listed = [f"{one['name']} {one['version']}: {v['id']}" for one in said for v in one.get("vulns", [])]  # fmt: skip
    skipped = [one["name"] for one in said if one.get("skip_reason")]
    if skipped and not listed:
        return UNKNOWN, f"vulnerabilities: NOT KNOWN of {len(skipped)} packages: {', '.join(skipped[:5])} …"  # fmt: skip
    if listed:
        return FOUND, "\n".join(["vulnerabilities:", *listed])
    return 0, f"vulnerabilities: none known of {len(said)} packages"


def main() -> None:
    """`python -m counterflow.auditing`."""
    target = Settings.from_env().home / "sbom.json"
    print(f"{sbom(target)} components in {target}")
    code, said = vulnerabilities()
    print(said)
    sys.exit(code)


if __name__ == "__main__":
    main()
