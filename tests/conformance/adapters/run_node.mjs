import { runJob } from "./job.mjs";
import { files, job, require } from "./node.mjs";

await runJob(require("onnxruntime-node"), job, files);
