import pytest
import torch

from cnnlab.networks import layer_names
from cnnlab.networks.architectures import MiniAlexNet
from cnnlab.transfer import (
    STAGES,
    accuracy,
    accuracy_by_depth,
    accuracy_by_examples,
    fine_tune,
    new_head,
    transfer_init,
    transferability_experiment,
    verdicts,
)
from cnnlab.transfer.learning_curves import epochs_for_steps, layer_before_head, sample_per_class, t_interval


@pytest.fixture
def network_for(tiny, squares):
    """The tiny network, trained to tell red, green and blue."""
    return fine_tune(tiny, *squares(48), epochs=12, learning_rate=0.1, batch_size=12).model


def test_what_a_network_knows_helps_where_examples_are_few(network_for, squares):
    curve = accuracy_by_examples(
        network_for,
        squares(30),
        squares(60, seed=1),
        ["r", "g", "b"],
        per_class=(1, 4),
        seeds=(0, 1),
        steps=20,
    )
    assert curve.per_class == (1, 4) and {v.shape for v in curve.accuracy.values()} == {(2, 2)}
    mean, low, high = curve.interval("tuned")
    assert mean.min() > 0.8 and (low <= mean).all() and (mean <= high).all()
    assert curve.accuracy["frozen"][0].mean() > curve.accuracy["scratch"][0].mean()


def test_examples_are_drawn_by_class_and_a_larger_draw_holds_the_smaller():
    labels = torch.tensor([0, 1, 2, 2, 1, 0, 0, 1, 2])
    small, large = (sample_per_class(labels, 3, n, seed=4) for n in (1, 3))
    assert torch.bincount(labels[small]).tolist() == [1] * 3 and sorted(large.tolist()) == list(range(9))
    assert set(small.tolist()) <= set(sample_per_class(labels, 3, 2, seed=4).tolist())
    with pytest.raises(ValueError, match="class 0 has 3 training pictures, fewer than the 4"):
        sample_per_class(labels, 3, 4, seed=0)


def test_fewer_examples_are_seen_more_often():
    assert [epochs_for_steps(60, n, 32) for n in (10, 32, 320, 100_000)] == [60, 60, 6, 1]


def test_intervals_are_those_of_students_t():
    mean, low, high = t_interval(torch.tensor([[0.5, 0.7, 0.6]]))
    assert mean.item() == pytest.approx(0.6)
    assert (high - mean).item() == pytest.approx(4.302653 * 0.1 / 3**0.5, rel=1e-4)
    assert (mean - low).item() == pytest.approx((high - mean).item(), rel=1e-4)


def test_depth_of_freezing(network_for, squares):
    options = {"epochs": 2, "learning_rate": 0.05}
    data = (squares(18), squares(30, seed=1), ["r", "g", "b"])
    result = accuracy_by_depth(
        network_for, *data, layers=[None, layer_before_head(network_for)], seeds=(0,), **options
    )
    expected = fine_tune(new_head(network_for, data[2]), *data[0], freeze_up_to="drop3", **options).model
    assert result.shape == (2, 1) and result[1, 0] == pytest.approx(accuracy(expected, *data[1]))


def test_a_continuation_keeps_the_first_layers_only(network_for):
    other = transfer_init(network_for, ["a", "b", "c"], "relu1")
    assert torch.equal(other.conv1.weight, network_for.conv1.weight)
    assert torch.equal(other.norm1.running_var, network_for.norm1.running_var)
    assert not torch.equal(other.conv2.weight, network_for.conv2.weight)
    assert not torch.equal(other.fc3.weight, network_for.fc3.weight)


def test_the_halves(tiny, network_for, squares):
    """Base A knows nothing, base B all: with all but the head kept and frozen, B is B again, and A stays at chance."""
    data = {"train": squares(24), "test": squares(60, seed=1), "layers": ["relu1", "pool2"]}
    result = transferability_experiment(tiny, network_for, **data, epochs=6, learning_rate=0.05, batch_size=8)
    assert set(result.accuracy) == {"BnB", "BnB+", "AnB", "AnB+"} and result.layers == ("relu1", "pool2")
    assert result.base > 0.9 and result.accuracy["BnB"][1, 0] > 0.9 > result.accuracy["AnB"][1, 0]
    again = transferability_experiment(
        tiny, network_for, **data, treatments=["AnB", "BnB"], epochs=6, learning_rate=0.05, batch_size=8
    )
    for way in again.accuracy:
        assert torch.equal(again.accuracy[way], result.accuracy[way])
    mean, low, _ = result.interval("BnB")
    assert torch.equal(mean, result.accuracy["BnB"][:, 0]) and low.isnan().all()


def test_the_stages_are_layers_of_mini_alexnet():
    names = layer_names(MiniAlexNet(["cat", "dog"]))
    assert [name for name in names if name in STAGES] == list(STAGES)


def test_wrong_halves_are_refused(tiny, network_for, squares):
    with pytest.raises(ValueError, match="choose some of BnB"):
        transferability_experiment(tiny, network_for, squares(6), squares(6), treatments=["BBn"])
    with pytest.raises(ValueError, match="one architecture"):
        transferability_experiment(MiniAlexNet(["a", "b"]), network_for, squares(6), squares(6))


def test_a_verdict_is_a_paired_t_test_against_the_strongest_rival():
    from scipy.stats import ttest_rel

    generator = torch.Generator().manual_seed(0)
    rival = torch.rand(5, 5, generator=generator).double()
    shift = torch.tensor([-0.3, -0.1, 0.0, 0.1, 0.3], dtype=torch.float64)[:, None]
    own = rival + shift + 0.1 * torch.randn(5, 5, generator=generator)
    found = verdicts({"own": own, "rival": rival, "weak": rival - 1}, "own")
    for (kind, difference), mine, theirs in zip(found, own, rival, strict=True):
        p = ttest_rel(mine.numpy(), theirs.numpy()).pvalue
        assert difference == pytest.approx(float((mine - theirs).mean()))
        assert (kind == "ties") == (p > 0.05) and (kind == "ties" or (kind == "wins") == (difference > 0))
    assert {kind for kind, _ in found} == {"wins", "ties", "loses"}
    with pytest.raises(ValueError, match="two seeds"):
        verdicts({"own": own[:, :1], "rival": rival[:, :1]}, "own")
