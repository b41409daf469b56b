// What the adapters in JavaScript share: the job's protocol as in job.py, and .npy files.
import { readFileSync, writeFileSync } from "node:fs";

const ARRAYS = { "<f4": Float32Array, "<i4": Int32Array, "<i8": BigInt64Array, "|b1": Uint8Array };
const KINDS = { "<f4": "float32", "<i4": "int32", "<i8": "int64", "|b1": "bool" };

export async function runJob(ort) {
  const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
  const opened = {};
  const outcome = {};
  for (const batch of job.batches) {
    let stage = "load";
    try {
      opened[batch.model] ??= await ort.InferenceSession.create(batch.model);
      stage = "run";
      const feeds = {};
      job.inputs.forEach((name, i) => (feeds[name] = readTensor(ort, batch.feeds[i])));
      const answers = await opened[batch.model].run(feeds);
      job.outputs.forEach((name, i) => writeTensor(batch.answers[i], answers[name]));
      outcome[batch.name] = { stage: "done", error: "" };
    } catch (error) {
      outcome[batch.name] = { stage, error: String(error) };
    }
    writeFileSync(job.outcome, JSON.stringify(outcome));
  }
}

function readTensor(ort, path) {
  const bytes = readFileSync(path);
  const length = bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", 10, 10 + length);
  const descr = header.match(/'descr': '([^']+)'/)[1];
  const shape = [...header.match(/'shape': \(([^)]*)\)/)[1].matchAll(/\d+/g)].map((m) => Number(m[0]));
  const data = new Uint8Array(bytes.subarray(10 + length)).buffer; // copied: typed arrays want aligned data
  return new ort.Tensor(KINDS[descr], new ARRAYS[descr](data), shape);
}

function writeTensor(path, tensor) {
  const descr = Object.keys(KINDS).find((d) => KINDS[d] === tensor.type);
  const shape = tensor.dims.length === 1 ? `${tensor.dims[0]},` : tensor.dims.join(", ");
  let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  header = header.padEnd(64 * Math.ceil((header.length + 11) / 64) - 11) + "\n";
  const start = Buffer.from("\x93NUMPY\x01\x00..", "latin1");
  start.writeUInt16LE(header.length, 8);
  const data = Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  writeFileSync(path, Buffer.concat([start, Buffer.from(header, "latin1"), data]));
}
