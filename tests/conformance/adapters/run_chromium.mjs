// Serves onnxruntime-web and the job's files to a page in headless Chromium, which runs the job.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { files, folder, job } from "./node.mjs";

const KINDS = { ".mjs": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };
const FOLDERS = {
  adapters: dirname(fileURLToPath(import.meta.url)),
  ort: join(folder, "node_modules", "onnxruntime-web", "dist"),
  job: dirname(job),
};

function find(url) {
  const [, name, ...rest] = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname)).split("/");
  return join(FOLDERS[name], ...rest);
}

let finish;
const finished = new Promise((resolve) => (finish = resolve));
const server = createServer(async (request, response) => {
  try {
    if (request.url === "/done") finish();
    else if (request.method === "PUT") await files.write(find(request.url), request);
    else {
      const path = find(request.url);
      const body = await files.read(path);
      response.setHeader("Content-Type", KINDS[extname(path)] ?? "application/octet-stream");
      response.write(body);
    }
  } catch {
    response.statusCode = 404;
  }
  response.end();
});
server.listen(0, "localhost");
await once(server, "listening");

const profile = await mkdtemp(join(tmpdir(), "bridge-chromium-"));
const page = `http://localhost:${server.address().port}/adapters/page.html`;
const options = ["--headless=new", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`, page];
const browser = spawn("chromium", options, { stdio: ["ignore", "ignore", "inherit"] });
await Promise.race([finished, once(browser, "exit")]);
if (browser.exitCode === null) {
  browser.kill();
  await once(browser, "exit");
}
server.close();
server.closeAllConnections();
await rm(profile, { recursive: true, force: true });
