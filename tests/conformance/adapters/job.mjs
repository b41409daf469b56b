// What the adapters in JavaScript share, in Node and in a browser: the job's protocol as in job.py, and .npy files.

const ARRAYS = { "<f4": Float32Array, "<i4": Int32Array, "<i8": BigInt64Array, "|b1": Uint8Array };
const KINDS = { "<f4": "float32", "<i4": "int32", "<i8": "int64", "|b1": "bool" };
const PREAMBLE = 10; // bytes before the header: magic, version, length

/** Run the job at `path`; `files` has `read(path)` and `write(path, bytes)`, which return promises. */
export async function runJob(ort, path, files) {
  const job = JSON.parse(new TextDecoder().decode(await files.read(path)));
  const opened = {}; // promises, which keep an error too
  const open = async (model) => ort.InferenceSession.create(await files.read(model));
  const outcome = {};
  for (const batch of job.batches) {
    let stage = "load";
    try {
      const model = await (opened[batch.model] ??= open(batch.model));
      stage = "run";
      const feeds = {};
      for (const [i, name] of job.inputs.entries()) feeds[name] = toTensor(ort, await files.read(batch.feeds[i]));
      const answers = await model.run(feeds);
      for (const [i, name] of job.outputs.entries()) await files.write(batch.answers[i], toNpy(answers[name]));
      outcome[batch.name] = { stage: "done", error: "" };
    } catch (error) {
      outcome[batch.name] = { stage, error: String(error) };
    }
    await files.write(job.outcome, new TextEncoder().encode(JSON.stringify(outcome)));
  }
}

function toTensor(ort, bytes) {
  const start = PREAMBLE + new DataView(bytes.buffer, bytes.byteOffset).getUint16(8, true);
  const header = new TextDecoder("latin1").decode(bytes.subarray(PREAMBLE, start));
  const descr = header.match(/'descr': '([^']+)'/)[1];
  const shape = [...header.match(/'shape': \(([^)]*)\)/)[1].matchAll(/\d+/g)].map((m) => Number(m[0]));
  const data = new Uint8Array(bytes.subarray(start)).buffer; // copied: typed arrays want aligned data
  return new ort.Tensor(KINDS[descr], new ARRAYS[descr](data), shape);
}

function toNpy(tensor) {
  const descr = Object.keys(KINDS).find((d) => KINDS[d] === tensor.type);
  const shape = tensor.dims.length === 1 ? `${tensor.dims[0]},` : tensor.dims.join(", ");
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  const header = text.padEnd(64 * Math.ceil((text.length + PREAMBLE + 1) / 64) - PREAMBLE - 1) + "\n";
  const data = new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  const bytes = new Uint8Array(PREAMBLE + header.length + data.length);
  bytes.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, header.length & 255, header.length >> 8]);
  bytes.set(new TextEncoder().encode(header), PREAMBLE);
  bytes.set(data, PREAMBLE + header.length);
  return bytes;
}
