"""The commands of ``flask notifier``, a module for each topic."""
