"""The line as it is put into production: nginx in front, systemd around it, processes that die under load."""
