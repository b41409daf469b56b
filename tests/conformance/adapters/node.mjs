// What the adapters that run in Node share. The arguments are the job, and the folder that holds the packages.
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";

export const [job, folder] = process.argv.slice(2);
export const require = createRequire(`${folder}/`);
export const files = { read: readFile, write: writeFile };
