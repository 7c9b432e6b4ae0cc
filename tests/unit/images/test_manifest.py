from io import BytesIO

import pytest

from core.errors import InputNotUsableError
from core.images.manifest import ItemOverrides, ManifestItem, read_manifest
from core.types import Detail

FULL = ItemOverrides("7", "What?", "receipt", Detail.HIGH, 300, 2)


CSV = """source,id,prompt,task,detail,max_output_tokens,priority
a.png,7,What?,receipt,HIGH,300,2
"""
JSONL = """
{"source":"a.png","id":7,"prompt":"What?","task":"receipt",
 "detail":"high","max_output_tokens":300,"priority":2}
""".replace(",\n ", ",")


@pytest.mark.parametrize(("suffix", "text"), [(".csv", CSV), (".jsonl", JSONL)])
def test_both_forms_say_the_same(suffix, text):
    for start in ("", "\ufeff"):
        (row,) = read_manifest(BytesIO((start + text).encode()), suffix)
        assert row.content == ManifestItem("a.png", FULL)


def test_only_the_source_is_needed():
    rows = list(read_manifest(BytesIO(b"source,id\na.png,\n\nb.png,2\n"), ".csv"))
    assert [row.content for row in rows] == [
        ManifestItem("a.png", ItemOverrides()),
        ManifestItem("b.png", ItemOverrides(id="2")),
    ]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('{"id": 1}', "source"),
        ('{"source": "  "}', "source"),
        ('{"source": "a", "detail": "huge"}', "auto, low, high, original"),
        ('{"source": "a", "priority": 6}', "1-5"),
        ('{"source": "a", "priority": 0}', "1-5"),
        ('{"source": "a", "max_output_tokens": "many"}', "max_output_tokens"),
        ('{"source": "a", "max_output_tokens": -5}', "max_output_tokens"),
        ("[1]", "JSON object"),
        ("{broken", "JSON object"),
    ],
)
def test_a_bad_line_names_itself_and_spares_the_others(line, word):
    bad, good = read_manifest(BytesIO(f'{line}\n{{"source": "b.png"}}'.encode()), ".jsonl")
    assert isinstance(bad.content, InputNotUsableError)
    assert "Line 1 " in str(bad.content)
    assert word in str(bad.content)
    assert good.content == ManifestItem("b.png", ItemOverrides())


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"file,id\na.png,1\n", "column named source"),
        (b"", "column named source"),
        (b"\xff\xfe\0", "UTF-8"),
        (b'source\n"unclosed', "valid CSV"),
    ],
)
def test_an_unreadable_manifest_is_refused_as_a_whole(data, word):
    with pytest.raises(InputNotUsableError, match=word):
        list(read_manifest(BytesIO(data), ".csv"))
