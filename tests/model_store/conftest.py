import io
from pathlib import Path

import numpy as np
import pytest
import sentencepiece

from model_store.encoder import EncoderSpec, SubwordEncoder, WordEncoder
from model_store.golden import GoldenExample, write_golden
from model_store.layout import EXTRA, GOLDEN, VersionRef, publish, staging
from model_store.manifest import Manifest
from model_store.text import TEXT_VERSION

SENTENCES = ["정말 재미있는 영화", "너무 지루한 영화", "배우 연기가 좋다", "최악의 이야기", "또 보고 싶다"]


@pytest.fixture(scope="session")
def subword_encoder() -> SubwordEncoder:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20),
        model_writer=model,
        vocab_size=50,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        normalization_rule_name="identity",
        minloglevel=2,
        hard_vocab_limit=False,
    )
    return SubwordEncoder(model.getvalue())


@pytest.fixture
def word_encoder() -> WordEncoder:
    return WordEncoder(["영화", "좋다", "최악"])


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(
        name="gru",
        version=1,
        variant="gru",
        labels=("negative", "positive"),
        encoder=EncoderSpec("word", 5, TEXT_VERSION),
        max_tokens=256,
        fused_graph=False,
        fused_reason="none was made for this test",
        metrics={"accuracy": 0.9},
        provenance={"seed": 7},
    )


@pytest.fixture
def store(tmp_path: Path, word_encoder: WordEncoder, manifest: Manifest) -> Path:
    """A store with the version gru/1, whose model answers with its golden example."""
    add_version(tmp_path, word_encoder, manifest)
    return tmp_path


def add_version(store: Path, encoder: WordEncoder, manifest: Manifest) -> VersionRef:
    with staging(store) as staged:
        (staged / "saved_model.pb").write_bytes(b"a graph")
        (staged / "variables").mkdir()
        (staged / "variables" / "variables.index").write_bytes(b"weights")
        encoder.save(staged / EXTRA)
        ids = encoder.encode("좋다", 256).ids
        write_golden(staged / GOLDEN, [GoldenExample("좋다", ids, [0.25, 0.75])])
        return publish(staged, store, manifest)


def quarter(ids: np.ndarray) -> np.ndarray:
    return np.tile(np.array([[0.25, 0.75]], dtype=np.float32), (len(ids), 1))
