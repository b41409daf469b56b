from job import run_job
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner


def open_model(path, inputs, outputs):
    def run(feeds):
        # A runner holds on to the batch size of its first call.
        answers = OnnxRunner(path)({n: Tensor(a) for n, a in zip(inputs, feeds, strict=True)})
        return [answers[name].numpy() for name in outputs]

    OnnxRunner(path)
    return run


run_job(open_model)
