import tract
from job import run_job


def open_model(path, _inputs, _outputs):
    runnable = tract.onnx().load(path).into_model().into_runnable()
    return lambda feeds: [answer.to_numpy() for answer in runnable.run(feeds)]


run_job(open_model)
