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
from pathlib import Path

from counterflow.settings import PROJECT, Settings

LOCK = PROJECT / "requirements.lock"
FOUND, UNKNOWN = 1, 2
_BIN = Path(sys.executable).parent


def locked(lock: Path = LOCK) -> dict[str, str]:
    """Name and version of every package of the lock."""
    return dict(
        re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock.read_text("utf-8"), re.MULTILINE)
    )


def sbom(target: Path, lock: Path = LOCK) -> int:
    """Write the list of what is locked; how many components it has."""
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [str(_BIN / "cyclonedx-py"), "requirements", str(lock), "--of", "JSON"]
    subprocess.run(
        [*command, "--output-reproducible", "-o", str(target)], check=True, capture_output=True
    )
    return len(json.loads(target.read_text("utf-8"))["components"])


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
