import numpy as np
import pytest
import torch
from lpn.net import BLOCKS, LPN, NetSpec, parameter_count


@pytest.mark.parametrize("depth, millions", [(50, 2.911), (101, 5.353), (152, 7.377)])
def test_parameter_counts_are_the_papers(depth, millions):
    assert round(parameter_count(LPN(NetSpec(BLOCKS[depth]))) / 1e6, 3) == millions


@pytest.mark.parametrize("height, width", [(64, 48), (128, 96)])
def test_heatmaps_are_a_quarter_of_the_input(tiny, height, width):
    with torch.no_grad():
        assert tiny(torch.zeros(2, 3, height, width)).shape == (2, 17, height // 4, width // 4)


def test_context_block_is_the_identity_at_the_start():
    block = LPN(NetSpec((1, 1, 1, 1), 0.25)).layer1[0].att
    x = torch.randn(2, 16, 5, 7)
    with torch.no_grad():
        np.testing.assert_array_equal(block(x), x)


def test_context_adds_one_vector_everywhere(tiny):
    x = torch.randn(2, 16, 5, 7)
    with torch.no_grad():
        added = (tiny.layer1[0].att(x) - x).flatten(2).numpy()
    assert np.ptp(added, 2).max() < 1e-5 and np.abs(added).max() > 1e-3
