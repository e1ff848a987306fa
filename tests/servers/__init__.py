"""Real servers for tests, started on free ports with keys made for the occasion, and stopped again.

Each module is one kind, a context manager that yields what a client must know of it:

    with sshd() as server: …          OpenSSH's sshd, files below `server.root`
    with nginx(…) as server: …        nginx with TLS, its certificate from a CA of its own
    with s3() as server: …            moto's S3 server, in a process of its own

`make servers` installs what is missing (install.sh). `needs(…)` of `running` skips where a program is not there:
never on a machine where it could have been installed.
"""
