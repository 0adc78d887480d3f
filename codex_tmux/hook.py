"""What hooks and respawned panes start: `python -I -S codex_tmux/hook.py sync`, past the installed script and `site`.

The installed script imports what pip put there, and `site` reads the whole environment's `.pth` files first: for a
sync that is more than half of its time. `docs/performance.md` has the figures. This file is never cached by Python,
so it is short.
"""

import os
import sys


class _SiteWhenMissing:
    """The last finder: where a module is in no place known yet, run `site` after all (an editable install)."""

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        sys.meta_path.remove(self)
        import importlib.util
        import site

        site.main()
        return importlib.util.find_spec(name)


def prepare(package: str) -> None:
    """Let `codex_tmux` and what it needs be imported from beside this file, compiled only once."""
    sys.path.append(os.path.dirname(package))
    sys.meta_path.append(_SiteWhenMissing())
    compiled = f"{package}/__pycache__/sync.{sys.implementation.cache_tag}.pyc"
    if not os.path.exists(compiled) and not os.access(package, os.W_OK):
        # A checkout that cannot be written: without a place of its own everything would be compiled every time.
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        sys.pycache_prefix = os.path.join(cache, "codex-tmux", "pycache")


if __name__ == "__main__":
    prepare(os.path.dirname(os.path.abspath(__file__)))
    from codex_tmux.__main__ import main

    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Past the interpreter's tidying up, which nobody waits for.
    os._exit(code)
