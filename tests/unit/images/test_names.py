import pytest

from core.images.names import MAX_LABEL_CHARS, label


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("receipt.jpg", "receipt.jpg"),
        ("2026/may/receipt.jpg", "2026/may/receipt.jpg"),
        ("../../etc/passwd", "etc/passwd"),
        ("/abs/x.png", "abs/x.png"),
        ("C:\\Users\\x.png", "Users/x.png"),
        ("a\\..\\b.png", "a/b.png"),
        ("with\0nul.png", "withnul.png"),
        ("two\nlines.png", "twolines.png"),
        ("\u202egpj.exe", "gpj.exe"),
        ("e\u0301.png", "é.png"),
        ("收据.png", "收据.png"),
        ("http://169.254.169.254/latest/", "http://169.254.169.254/latest"),
        ("HTTPS://example.com/../a.png", "HTTPS://example.com/a.png"),
        ("<img onerror=x>", "<img onerror=x>"),
        ("", "file"),
        ("..", "file"),
        ("\x07", "file"),
    ],
)
def test_a_label_is_one_harmless_line(name, shown):
    assert label(name) == shown


@pytest.mark.parametrize("length", [119, 120, 121, 300])
def test_a_long_name_keeps_its_end(length):
    shown = label("x" * (length - 4) + ".png")
    assert len(shown) == min(length, MAX_LABEL_CHARS)
    assert shown.endswith(".png")
