"""An embedder at a service with OpenAI's interface, for those who have configured one.

Knows the OpenAI client and its environment variables. Must not know the index, or what the texts are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from ..recall import RecallError
from .embed import valid

if TYPE_CHECKING:
    from numpy.typing import NDArray

REQUEST_TEXTS: Final = 256
REQUEST_CHARACTERS: Final = 4_000
"""Of a text, so that a full request stays within what a service takes."""
REQUEST_SECONDS: Final = 60.0


class OpenAIEmbedder:
    """Vectors from a service with OpenAI's interface, at OPENAI_BASE_URL with OPENAI_API_KEY.

    Args:
        model: Name of the model at the service.

    Raises:
        RecallError: The client is not installed or no key is set.
    """

    def __init__(self, model: str) -> None:
        try:
            from openai import OpenAI, OpenAIError
        except ImportError as error:
            raise RecallError("ATHANOR_EMBEDDING_MODEL is set but package openai is not installed") from error
        self._model = model
        self._refusals = OpenAIError
        try:
            self._client = OpenAI(timeout=REQUEST_SECONDS)
        except OpenAIError as error:
            raise self._error(error, "set OPENAI_API_KEY, or unset ATHANOR_EMBEDDING_MODEL") from error
        # Two services may call different models by one name.
        self.name = f"{model} at {self._client.base_url.netloc.decode()}+read{REQUEST_CHARACTERS}"
        self._dimension = 0

    @property
    def dimension(self) -> int:
        """Length of a vector; the first answer tells, which is asked for if there was none yet."""
        if not self._dimension:
            self.embed(["dimension"])
        return self._dimension

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Vectors of unit length, `(n_texts, dimension)`; the beginning of a text that is longer than a service takes.

        Raises:
            RecallError: The service refuses, cannot be reached, or answers something other than such vectors.
        """
        # Services refuse an empty text.
        ready = [valid(text)[:REQUEST_CHARACTERS].strip() or "nothing" for text in texts]
        starts = range(0, len(ready), REQUEST_TEXTS)
        return [vector for start in starts for vector in self._request(ready[start : start + REQUEST_TEXTS])]

    def _request(self, texts: list[str]) -> list[list[float]]:
        try:
            answer = self._client.embeddings.create(model=self._model, input=texts, encoding_format="float")
            rows = [np.array(item.embedding, dtype=np.float64) for item in sorted(answer.data, key=lambda d: d.index)]
        except self._refusals as error:
            raise self._error(error, "check key, address and name of the model") from error
        except (AttributeError, TypeError, ValueError) as error:
            # The client hands on what is no answer of this interface.
            raise self._error(error, "check address and name of the model") from error
        if len(rows) != len(texts):
            raise self._error(f"{len(rows)} vectors for {len(texts)} texts", "use a model for embeddings")
        return [self._direction(row) for row in rows]

    def _direction(self, vector: NDArray[np.float64]) -> list[float]:
        length = float(np.linalg.norm(vector)) if vector.ndim == 1 and np.isfinite(vector).all() else 0.0
        if not length:
            raise self._error("a vector without a direction", "use a model for embeddings")
        self._dimension = self._dimension or len(vector)
        if len(vector) != self._dimension:
            raise self._error(f"a vector of {len(vector)} numbers after one of {self._dimension}", "use one model")
        return [float(number) for number in vector / length]

    def _error(self, what: object, remedy: str) -> RecallError:
        text = " ".join(str(what).split())[:300]
        kind = f"{type(what).__name__}: " if isinstance(what, Exception) else ""
        return RecallError(f"embedding model {self._model} (ATHANOR_EMBEDDING_MODEL): {kind}{text}; {remedy}")
