"""Core files: a crash of this process must not write its secrets to the disk (T17)."""

from __future__ import annotations

_before: int | None = None


def forbid_core_files() -> None:
    """Set the soft limit to nothing; never in somebody else's process."""
    global _before  # noqa: PLW0603 - the limit is the process's own, so is what it was
    try:
        import resource
    except ImportError:  # Windows writes none
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if soft != 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
        _before = soft


def restore_core_files() -> None:
    """Give a program that this process becomes the limit that its caller had set."""
    if _before is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (_before, resource.getrlimit(resource.RLIMIT_CORE)[1]))
