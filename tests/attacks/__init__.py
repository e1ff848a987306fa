"""Attacks: what somebody outside would try, and the same attack where nothing is protected.

Each test has its positive control: on unprotected data the attack succeeds, or the test is broken.
"""
