"""Numbered, frozen, disclosure-controlled releases for outside."""
