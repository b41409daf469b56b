"""Iterations, searches and projections run on CUDA too: their loops are steered by the host, their work is not."""

import numpy as np
import pytest
from sklearn.cluster import FeatureAgglomeration
from sklearn.decomposition import NMF, FactorAnalysis, LatentDirichletAllocation, MiniBatchNMF, SparseCoder
from sklearn.ensemble import RandomTreesEmbedding
from sklearn.impute._iterative import IterativeImputer
from sklearn.neural_network import BernoulliRBM
from sklearn.preprocessing import LabelBinarizer, LabelEncoder, QuantileTransformer, SplineTransformer

import bridge
from bridge.placement import NEEDS_CUDNN
from tests.placement.test_placement import off_cuda

pytestmark = pytest.mark.filterwarnings("ignore")

X = np.random.default_rng(0).random((30, 4)) + 0.1
ATOMS = np.eye(4)[:, :3].T + 0.1
STEPS = [
    NMF(2),
    NMF(2, solver="mu", beta_loss=1.5, init="random"),
    MiniBatchNMF(2, beta_loss="kullback-leibler"),
    LatentDirichletAllocation(2, max_iter=2),
    SparseCoder(ATOMS),
    SparseCoder(ATOMS, transform_n_nonzero_coefs=3),
    SparseCoder(ATOMS, transform_algorithm="lasso_cd", transform_alpha=0.1),
    SparseCoder(ATOMS, transform_algorithm="lasso_lars", transform_alpha=0.1),
    SparseCoder(ATOMS, transform_algorithm="threshold", positive_code=True),
    IterativeImputer(max_iter=2, add_indicator=True),
    QuantileTransformer(n_quantiles=10),
    QuantileTransformer(n_quantiles=10, output_distribution="normal"),
    SplineTransformer(extrapolation="linear"),
    SplineTransformer(extrapolation="periodic"),
    FeatureAgglomeration(2, pooling_func=np.median),
    FeatureAgglomeration(2, pooling_func=np.max),
    RandomTreesEmbedding(3),
    FactorAnalysis(2),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_every_node_runs_on_cuda(place, step):
    data = np.where(X > 1, np.nan, X) if isinstance(step, IterativeImputer) else X
    assert_on_cuda(place, bridge.export(step.fit(data), data, target="cuda", check=False))


def test_units_of_a_boltzmann_machine(place):
    machine = BernoulliRBM(2, n_iter=1).fit(X)
    assert_on_cuda(place, bridge.export(machine, X, target="cuda", methods=["transform"], check=False))


@pytest.mark.parametrize("step", [LabelEncoder(), LabelBinarizer()], ids=repr)
@pytest.mark.parametrize("labels", [np.arange(5) % 3, ["b", "a", "c"]], ids=["numbers", "text"])
def test_labels(place, step, labels):
    assert_on_cuda(place, bridge.export(step.fit(labels), labels, target="cuda", check=False))


def assert_on_cuda(place, model):
    nodes = place(model)
    assert nodes
    assert off_cuda(nodes) == []
    assert not {node.op_type for node in nodes} & NEEDS_CUDNN
