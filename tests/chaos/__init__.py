"""Kills and faults: the real steps in real processes, killed anywhere, on disks and machines that fail."""
