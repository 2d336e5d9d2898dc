"""How many cores this process may use.

Enters: what the operating system says. Leaves: a number.
"""

import os
import sys
from pathlib import Path


def available_cores() -> int:
    """Cores by affinity and by the quota of the control group."""
    if sys.platform == "linux":
        return max(1, min(len(os.sched_getaffinity(0)), group_quota(Path("/sys/fs/cgroup"))))
    return os.cpu_count() or 1


def group_quota(root: Path) -> int:
    """Cores that the control group (version 2 or 1) grants, rounded up."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text()
            period = (root / "cpu/cpu.cfs_period_us").read_text()
        except OSError:
            return sys.maxsize
    unlimited = not quota.strip().isdecimal()
    return sys.maxsize if unlimited else -(-int(quota) // int(period))
