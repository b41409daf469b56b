import torch
from job import run_job

# torchvision, which onnx2torch imports, wants its own operators; the build for CUDA beside a torch for CPU lacks them.
for operator in ("nms(Tensor a, Tensor b, float c) -> Tensor", "qnms(Tensor a, Tensor b, float c) -> Tensor"):
    torch.library.define(f"torchvision::{operator.partition('(')[0]}", "(" + operator.partition("(")[2])
import onnx2torch  # noqa: E402


def open_model(path, _inputs, _outputs):
    module = onnx2torch.convert(path).eval()

    def run(feeds):
        with torch.no_grad():
            answers = module(*[torch.from_numpy(feed) for feed in feeds])
        return [a.numpy() for a in ([answers] if isinstance(answers, torch.Tensor) else answers)]

    return run


run_job(open_model)
