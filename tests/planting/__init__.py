"""Proof by planting: strings that occur nowhere else are written into exports, and every byte that
a night leaves behind is searched for them.

`marks` makes the strings and knows what they can turn into, `exports` writes them into the exports of
all missions, `damage` breaks those exports, `search` reads files of every kind, `leaks` are faults built
in on purpose, which the search must find.
"""
