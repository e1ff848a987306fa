"""What a night is compared with: other programs on CSV files of the same cases. `wide` writes the files, `environment` installs a peer, the
other modules run in an environment of their own and import nothing of Counterflow.
"""
