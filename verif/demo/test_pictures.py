"""The words in the demo's pictures."""

import numpy as np
import pytest

from demo.pictures import title
from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 of 9 tiles have"), (1, "1 of 9 tiles has"), (2, "2 of 9 tiles have")]
)
def test_the_line_of_a_layer(count: int, said: str) -> None:
    two_word = (np.arange(9) < count).astype(np.uint8).reshape(1, 1, 3, 3)
    words = np.zeros((4, 4, 3, 3), np.int8)
    tensor = StlqTensor(
        word1=words, word2=words, two_word=two_word, scale=np.array(1, np.float32), format=StlqFormat(), tile=(4, 4)
    )
    assert title("conv", tensor) == f"conv, 4 x 4 x 3 x 3: {said} two words"
