/**
 * Builds what the server serves (t.js and its parts, into the Python package) and what npm carries (dist/), and fails
 * when the core has more than 3.0 kB gzipped.
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const CORE = 3000;
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const served = "../src/trackway/web/sdk";
const parts = ["queue", "auto", "vitals", "forward", "debug", "personalize", "recommend"];

/** Bundle one entry and make it small. */
async function bundled(entry, format, external = [], parts = "") {
  const result = await build({
    entryPoints: [`src/${entry}.ts`],
    bundle: true,
    format,
    target: "es2022",
    define: { VERSION: JSON.stringify(version), PARTS: JSON.stringify(parts) },
    external,
    write: false,
  });
  // The core needs no strict mode to run as it was checked. `unsafe` joins texts by + and changes nothing else in it.
  const core = entry === "tag";
  const options = {
    module: core || format === "esm",
    compress: { passes: 3, unsafe_arrows: true, unsafe: core, ecma: 2022 },
    ecma: 2022,
  };
  return (await minify(result.outputFiles[0].text, { ...options, mangle: { toplevel: true } })).code;
}

const size = (text) => gzipSync(text, { level: 9 }).length;

await rm(served, { recursive: true, force: true });
await mkdir(`${served}/t`, { recursive: true });
await mkdir("dist", { recursive: true });
const sizes = { "t.js": 0 };
const hash = createHash("sha256");
for (const part of parts) {
  const code = await bundled(part, "esm");
  await writeFile(`${served}/t/${part}.js`, code);
  await writeFile(`dist/${part}.js`, code);
  sizes[`t/${part}.js`] = size(code);
  hash.update(code);
}
// The core asks for its parts by what is in them, so that they may be kept for a year.
const core = await bundled("tag", "iife", [], hash.digest("hex").slice(0, 8));
await writeFile(`${served}/t.js`, core);
sizes["t.js"] = size(core);
for (const element of ["embed", "insights"]) {
  const code = await bundled(element, "iife");
  await writeFile(`${served}/${element}.js`, code);
  sizes[`${element}.js`] = size(code);
}
for (const entry of ["index", "react", "vue"]) {
  const external = ["react", "vue", "./index", ...parts.map((part) => `./${part}`)];
  const code = (await bundled(entry, "esm", external)).replace(/(["'])\.\/(\w+)\1/g, '"./$2.js"');
  await writeFile(`dist/${entry}.js`, code);
}
execFileSync("npx", [
  "tsc",
  "--noEmit",
  "false",
  "--declaration",
  "--emitDeclarationOnly",
  "--outDir",
  "dist",
]);
// Node's way of finding types (node16, nodenext) wants names of files, with their ending.
for (const name of await readdir("dist", { recursive: true })) {
  if (!name.endsWith(".d.ts")) continue;
  const text = await readFile(`dist/${name}`, "utf8");
  await writeFile(
    `dist/${name}`,
    text.replace(/((?:from|import) ?\(?")(\.\.?\/[^"]+?)(?:\.js)?"/g, '$1$2.js"'),
  );
}
await writeFile("dist/sizes.json", JSON.stringify(sizes, null, 2));
console.log(
  Object.entries(sizes)
    .map(([name, bytes]) => `${name} ${bytes}`)
    .join("  "),
);
if (sizes["t.js"] > CORE) {
  console.error(`t.js has ${sizes["t.js"]} bytes gzipped; at most ${CORE} are allowed`);
  process.exit(1);
}
