import { runJob } from "./job.mjs";
import { files, job, require } from "./node.mjs";

const ort = require("onnxruntime-web");
ort.env.wasm.numThreads = 1;
await runJob(ort, job, files);
