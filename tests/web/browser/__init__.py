"""The pages, in a real Chromium: Debian's, never one that a package downloads."""
