"""codex-tmux: a tmux pane that runs Codex keeps its conversation."""

__version__ = "0.1.0"
