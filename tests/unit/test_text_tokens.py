"""Text counted with the shipped vocabulary, equal to the vendor's tokenizer."""

import hashlib
import shutil

import pytest
import tiktoken

from core import text_tokens as module
from core.errors import ConfigurationError
from core.text_tokens import request_text_tokens, text_tokens
from core.types import AnswerSchema

TEXTS = [
    "",
    "hello world",
    "Total: $1,234.56\r\n\r\n  — due 2026-01-31",
    "请详细分析这张电商产品图片,包括产品特点、颜色、材质、适用场景等",
    "I'll've HELLO iPhone15 naïve ÉCOLE  \n\t x",
    "🙂👩‍👩‍👧 <|endoftext|> <|endofprompt|>",
    "\ud800 half a surrogate",
]


@pytest.fixture
def vendor_encoding(tmp_path, monkeypatch):
    """The vendor's own o200k_base, reading our file as its cache so that no network is needed."""
    url = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
    name = hashlib.sha1(url.encode()).hexdigest()
    shutil.copyfile(module.VOCABULARY_FILE, tmp_path / name)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    return tiktoken.get_encoding("o200k_base")


def test_counts_equal_the_vendors_tokenizer(vendor_encoding):
    for text in TEXTS:
        expected = len(vendor_encoding.encode(text, disallowed_special=()))
        assert text_tokens(text, "gpt-4o") == (expected, None)


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("gpt-4o-2024-11-20", True),
        ("gpt-4.1-mini", True),
        ("gpt-5.6-sol", True),
        ("o3", True),
        ("gpt-6-luna", False),
        ("chat-latest", False),
        ("gpt-4-turbo", False),
        ("my-model", False),
    ],
)
def test_an_unpublished_encoding_is_counted_with_a_note(model, known):
    tokens, note = text_tokens("hello world", model)
    assert tokens == 2
    assert (note is None) is known


def test_an_endless_word_is_counted_in_pieces():
    assert text_tokens("x" * 100_000, "gpt-4o").tokens == pytest.approx(12_500, rel=0.001)


def test_a_request_counts_prompt_system_and_schema():
    schema = AnswerSchema("a", {"type": "object", "properties": {}})
    count = lambda text: text_tokens(text, "gpt-4o").tokens  # noqa: E731 - read as a formula
    assert request_text_tokens("one two", "", None, "gpt-4o") == (count("one two"), None)
    found = request_text_tokens("one two", "be brief", schema, "gpt-4o")
    expected = count("one two") + count("be brief") + 4 + count('{"type":"object","properties":{}}')
    assert found.tokens == expected
    assert request_text_tokens("a", "b", None, "gpt-6-luna").note is not None


@pytest.mark.parametrize("content", [None, b"aGVsbG8= 0\n"])
def test_a_missing_or_changed_vocabulary_is_refused(tmp_path, content):
    file = tmp_path / "o200k_base.tiktoken"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"o200k_base\.tiktoken"):
        module._read_vocabulary(file)
