// Bundles style/main.css, copies public/, and writes a brotli sibling for every file of the site that is worth it.
import { cpSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { bundle } from "lightningcss";

const site = process.argv[2];
const COMPRESSIBLE = /\.(css|js|wasm|svg|html|json|txt|webmanifest)$/;
// lightningcss takes a version as major << 16 | minor << 8.
const version = (major, minor = 0) => (major << 16) | (minor << 8);

const { code } = bundle({
  filename: "style/main.css",
  minify: true,
  targets: { chrome: version(111), firefox: version(113), safari: version(16, 4) },
});
mkdirSync(join(site, "pkg"), { recursive: true });
writeFileSync(join(site, "pkg/purser.css"), code);
cpSync("public", site, { recursive: true });

function compress(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) compress(path);
    else if (COMPRESSIBLE.test(name)) {
      const text = readFileSync(path);
      const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: text.length };
      writeFileSync(`${path}.br`, brotliCompressSync(text, { params }));
    }
  }
}
compress(site);
