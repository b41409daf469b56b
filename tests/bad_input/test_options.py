"""Options that do not exist, or do not go together, are refused with those that do."""

import numpy as np
import pytest

import bridge
from bridge.errors import BridgeError, DeviceError, InputError, InputTypeError, MissingExtraError
from bridge.runtime import providers
from tests.bad_input.cases import fitted


@pytest.fixture(scope="module")
def model():
    return bridge.export(*fitted("forest"), check=False)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": "tpu"}, InputError, "unknown target 'tpu'; choose one of 'portable', 'cuda', 'cpu'"),
        ({"target": None}, InputError, "unknown target None; choose one of"),
        ({"precision": "half"}, InputError, "unknown precision 'half'; choose one of 'exact', 'float32', 'float16'"),
        (
            {"target": "cpu", "precision": "float16"},
            InputError,
            "'cpu' does not take precision 'float16': .*\nUse 'exact' or 'float32', or another target",
        ),
        (
            {"strategy": "fast"},
            InputError,
            "unknown strategy 'fast'; choose one of 'auto', 'gemm', 'oblivious', 'tournament', 'traverse', 'forest'",
        ),
        (
            {"strategy": "forest"},
            InputError,
            "strategy 'forest' keeps trees as bridge::Forest; target 'portable' means .*\nUse target 'cpu' or 'cuda'",
        ),
        ({"methods": ["forecast"]}, InputError, "has no method forecast; it has predict, "),
        ({"methods": []}, InputError, "methods is empty; choose from predict, "),
        ({"methods": "predict"}, InputTypeError, r"methods is the text 'predict'; expected a list .* \['predict'\]"),
    ],
    ids=str,
)
def test_option_of_export_that_does_not_exist_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        bridge.export(*fitted("forest"), **options)


def test_method_that_is_asked_for_twice_is_one_output():
    model = bridge.export(*fitted("forest"), methods=["predict", "predict"], check=False)
    assert [o.name for o in model.graph.output] == ["predict"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "tpu"}, "unknown target 'tpu'"),
        ({"target": "cuda", "precision": "half"}, "unknown precision 'half'"),
        ({"target": "cpu", "precision": "float16"}, "does not take precision 'float16'"),
        (
            {"target": "cuda", "precision": "float16"},
            "is chosen on a sample, and a file brings none.\nUse precision 'fl",
        ),
        ({"target": "cuda", "strategy": "fast"}, "unknown strategy 'fast'"),
    ],
    ids=str,
)
def test_option_of_lower_that_does_not_exist_is_refused(model, options, message):
    with pytest.raises(InputError, match=message):
        bridge.lower(model, **options)


@pytest.mark.parametrize("source", [None, 3, b"model", ["model.onnx"]], ids=lambda v: type(v).__name__)
def test_what_is_no_model_is_refused(source):
    message = f"expected a path or an onnx.ModelProto, found {type(source).__name__}"
    with pytest.raises(InputTypeError, match=message):
        bridge.load(source)
    with pytest.raises(InputTypeError, match=message):
        bridge.lower(source, target="cpu")


@pytest.mark.parametrize("device", ["tpu", "CUDA", "", None])
def test_device_that_does_not_exist_is_refused(model, device):
    with pytest.raises(InputError, match=f"unknown device {device!r}; choose 'auto', 'cpu' or 'cuda'"):
        bridge.load(model, device=device)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2"], ids=repr)
def test_threads_that_are_no_number_from_one_on_are_refused(model, threads):
    with pytest.raises(InputError, match=f"threads is {threads!r}; expected None, or a whole number from 1 on"):
        bridge.load(model, threads=threads)


@pytest.mark.skipif(providers.cuda_is_usable(), reason="this machine has a GPU")
def test_cuda_without_a_gpu_raises_and_says_what_is_missing(model):
    message = r"CUDA cannot be used here: .*(no NVIDIA driver|cannot be loaded|built without)"
    with pytest.raises(DeviceError, match=message):
        bridge.load(model, device="cuda")
    with pytest.raises(DeviceError, match="CUDA cannot be used here"):
        bridge.compile(*fitted("forest"), device="cuda")
    assert issubclass(DeviceError, BridgeError)
    assert issubclass(DeviceError, RuntimeError)


@pytest.mark.skipif(providers.cuda_is_usable(), reason="this machine has a GPU")
def test_auto_takes_the_cpu_and_says_so_once(model, caplog):
    providers._log_cpu_once.cache_clear()
    with caplog.at_level("INFO", logger="bridge"):
        predictors = [bridge.load(model), bridge.load(model)]
    assert [p.providers for p in predictors] == [["CPUExecutionProvider"]] * 2
    assert sum("running on the CPU: no NVIDIA driver" in r.getMessage() for r in caplog.records) == 1


def test_without_onnxruntime_the_extra_is_named(model, monkeypatch):
    def fail(name):
        raise ImportError(name)

    providers.import_onnxruntime.cache_clear()
    monkeypatch.setattr(providers.importlib, "import_module", fail)
    with pytest.raises(
        MissingExtraError,
        match=r"'onnxruntime', which is not installed\.\nInstall it with: pip install 'onnx-bridge\[cpu\]'",
    ):
        bridge.load(model)
    assert issubclass(MissingExtraError, ImportError)
    monkeypatch.undo()
    providers.import_onnxruntime.cache_clear()
    assert bridge.load(model).predict(np.zeros((1, 3))).shape == (1,)
