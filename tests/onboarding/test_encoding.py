"""The encoding is told by what the bytes would say, and what else they might be is told too."""

from __future__ import annotations

import codecs
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow.onboarding.encoding import guess_encoding

SENTENCES = {
    "cp1257": "Sąžiningas žmogus ėjo į šokį, Žemaitijos ūkis, čia gruodžio pabaigoje\n",
    "cp1252": "Le numéro du dossier a été enregistré à Genève, français, forêt, où\n",
    "cp1250": "Zażółć gęślą jaźń, kobieta, mężczyzna, Łódź, świadek, ćma\n",
    "cp1251": "Женщина из Молдовы, мужчина из Украины, дата регистрации\n",
    "koi8-r": "Женщина из Молдовы, мужчина из Украины, дата регистрации\n",
    "cp1253": "Γυναίκα από την Ελλάδα, άνδρας, ημερομηνία εγγραφής\n",
    "cp1254": "Türkiye, işçi sayısı, çocuk, ağır, güçlü, dosya açılışı\n",
    "cp1256": "امرأة من المغرب، رجل، تاريخ التسجيل\n",
    "cp874": "หญิง ชาย วันที่ลงทะเบียน ประเทศไทย\n",
}


@pytest.mark.parametrize("encoding", SENTENCES)
def test_an_eight_bit_encoding_is_told_by_its_letters(encoding: str) -> None:
    guesses = guess_encoding((SENTENCES[encoding] * 4).encode(encoding))
    assert guesses[0].encoding == encoding
    assert all(a.confidence >= b.confidence for a, b in itertools.pairwise(guesses))


def test_a_mark_wins() -> None:
    for mark, encoding, name in (
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
    ):
        found = guess_encoding(mark + "Šeiminė padėtis".encode(encoding))
        assert [(g.encoding, g.confidence) for g in found] == [(name, 1.0)]


def test_utf16_without_a_mark_is_told_by_its_zeros() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        assert guess_encoding("Case;Sex;Country\n".encode(encoding))[0].encoding == encoding


def test_ascii_says_that_most_encodings_would_do() -> None:
    [guess] = guess_encoding(b"case,sex\n1,F\n")
    assert guess.encoding == "utf-8"
    assert "ASCII" in guess.reason


@given(st.text(min_size=1).filter(lambda t: t.strip()))
def test_whatever_is_utf8_is_read_back(text: str) -> None:
    data = ("ąžė " + text.replace("\0", "")).encode()
    assert guess_encoding(data)[0].encoding == "utf-8"


@given(st.binary(min_size=1, max_size=300))
def test_no_bytes_are_without_a_guess(data: bytes) -> None:
    assert guess_encoding(data)
