import pytest
import torch
import torch.nn.functional as F

from cnnlab.segmentation import max_pool, max_unpool, max_unpool_steps

X = torch.tensor([[120.0, 150, 120], [100, 50, 110], [25, 25, 10]])


def test_the_example_of_the_lecture_to_the_digit():
    values, indices = max_pool(X, 2, stride=1)
    assert values.tolist() == [[150, 150], [100, 110]]
    decoder = torch.tensor([[300.0, 450], [100, 250]])
    assert max_unpool(decoder, indices, (3, 3)).tolist() == [[0, 300 + 450, 0], [100, 0, 250], [0, 0, 0]]


def test_the_example_of_the_lecture_window_by_window():
    _, indices = max_pool(X, 2, stride=1)
    steps = max_unpool_steps(torch.tensor([[300.0, 450], [100, 250]]), indices, (3, 3))
    assert steps.shape == (5, 3, 3)
    assert not steps[0].any()
    assert steps[1].tolist() == [[0, 300, 0], [0, 0, 0], [0, 0, 0]]
    assert steps[2].tolist() == [[0, 750, 0], [0, 0, 0], [0, 0, 0]]
    assert steps[4].tolist() == [[0, 750, 0], [100, 0, 250], [0, 0, 0]]


def test_it_agrees_with_torch_where_windows_do_not_overlap():
    maps = torch.randn(2, 3, 8, 6)
    values, indices = max_pool(maps, 2)
    assert torch.equal(max_unpool(values, indices, (8, 6)), F.max_unpool2d(values, indices, 2))


def test_unpooling_keeps_the_maxima_in_place():
    maps = torch.rand(2, 3, 9, 9) + 1
    values, indices = max_pool(maps, 3)
    back = max_unpool(values, indices, (9, 9))
    assert torch.equal(back[back != 0], maps[back != 0]) and int((back != 0).sum()) == values.numel()
    assert torch.equal(max_pool(back, 3)[0], values)


def test_it_is_the_gradient_of_max_pooling():
    """Shared maxima of overlapping windows included: there the values must add up."""
    maps = torch.randn(2, 3, 7, 7, dtype=torch.float64, requires_grad=True)
    values, indices = max_pool(maps, 3, stride=1)
    weights = torch.randn_like(values)
    (slope,) = torch.autograd.grad((values * weights).sum(), maps)
    result = max_unpool(weights, indices, (7, 7))
    assert torch.allclose(result, slope)
    assert len(indices[0, 0].unique()) < indices[0, 0].numel()


@pytest.mark.parametrize("axes", [(), (3,), (2, 3)])
def test_axes_come_back_as_they_came(axes):
    maps = torch.randn(*axes, 4, 6)
    values, indices = max_pool(maps)
    assert values.shape == indices.shape == (*axes, 2, 3)
    assert max_unpool(values, indices, (4, 6)).shape == maps.shape


def test_wrong_input_is_refused():
    values, indices = max_pool(torch.rand(4, 4))
    with pytest.raises(ValueError, match="same axes"):
        max_unpool(values[:1], indices, (4, 4))
    with pytest.raises(ValueError, match="give the output_size"):
        max_unpool(values, indices, (2, 2))
    with pytest.raises(ValueError, match="does not fit into maps of 4 x 4"):
        max_pool(torch.rand(4, 4), 5)
    with pytest.raises(ValueError, match="one map h x w"):
        max_unpool_steps(values[None], indices[None], (4, 4))
    with pytest.raises(ValueError, match="maps must have the axes"):
        max_pool(torch.rand(4))
