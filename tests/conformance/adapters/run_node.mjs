import { createRequire } from "node:module";
import { runJob } from "./job.mjs";

// The packages lie in the environment's folder, the second argument, not beside this file.
const require = createRequire(`${process.argv[3]}/`);
await runJob(require("onnxruntime-node"));
