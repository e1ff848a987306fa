"""The guide as data: titles, queries and prose as they stand in it; HTML in its prose is text."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from counterflow.site import guide

TEXT = """# For analysts

Opening.

## Who they are

Before the first.

```sql
select 0
```

### 1. How many?

```sql
select 1
from t
```

Few **mean** much.

### An aside

No question.

## Routes

### 2. From where?

```sql
select 2
```

There.

## Ten wrong ways

### Wrong way 1: Missing counted as no

Why.

```sql
-- wrong
select 3
```

```sql
-- right
select 4
```
"""


def test_themes_have_the_questions_of_their_section(tmp_path: Path) -> None:
    path = tmp_path / "guide.md"
    path.write_text(TEXT, "utf-8")
    found = guide.read(path)
    assert [(t.title, t.slug, t.prose) for t in found.themes] == [
        ("Who they are", "who-they-are", "Before the first.\n\n```sql\nselect 0\n```"), ("Routes", "routes", ""),
    ]  # fmt: skip
    (one,) = found.themes[0].questions
    assert (one.number, one.title, one.query) == (1, "How many?", "select 1\nfrom t")
    assert one.prose == "Few **mean** much."
    assert one.anchor == "question-1"
    assert [w.queries for w in found.wrong_ways] == [
        ("-- wrong\nselect 3\n", "-- right\nselect 4\n")
    ]


def test_prose_becomes_html_and_html_becomes_text() -> None:
    assert guide.html("a **b** `c`") == "<p>a <strong>b</strong> <code>c</code></p>\n"
    assert "<table>" in guide.html("| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert guide.html("[here](javascript:alert(1)) and [ADR](adr/1.md)").count("<a") == 0
    assert "&lt;script&gt;alert(1)" in guide.html("<script>alert(1)</script>")
    assert "<img" not in guide.html("![x](http://e.org/x.png)")


@given(st.text(max_size=200))
def test_no_prose_makes_a_tag_that_does_something(prose: str) -> None:
    made = guide.html(prose).lower()
    for tag in ("<script", "<img", "<a ", "<iframe", "<svg", "<style"):
        assert tag not in made


@given(st.text(max_size=60))
def test_a_slug_is_a_name_of_a_file(title: str) -> None:
    assert set(guide.slug(title)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
