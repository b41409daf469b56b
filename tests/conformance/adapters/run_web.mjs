import { createRequire } from "node:module";
import { runJob } from "./job.mjs";

const require = createRequire(`${process.argv[3]}/`);
const ort = require("onnxruntime-web");
ort.env.wasm.numThreads = 1;
await runJob(ort);
