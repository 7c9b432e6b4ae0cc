import pytest

from core.redaction import redact


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-SECRETSECRET.",
        "Authorization: Bearer SECRET/with+signs==",
        "https://relay.example/v1?api-key=SECRET&x=1",
        "key=SECRET;",
        "my own SECRET word",
    ],
)
def test_keys_are_hidden(text):
    assert "SECRET" not in redact(text, ["SECRET"])
    if "my own" not in text:
        assert "SECRET" not in redact(text)


@pytest.mark.parametrize("text", ["a task-based answer", "monkey business", "the risk-free rate"])
def test_ordinary_words_stay(text):
    assert redact(text) == text
