// Unpacks the Chromium of @sparticuz/chromium, with the libraries and the fonts that it needs, into the folder it is called in: `chromium`
// starts it. Its fonts alone: a machine without any would show pages without a letter.

import {createReadStream, createWriteStream} from "node:fs";
import {chmod, mkdir, writeFile} from "node:fs/promises";
import {createRequire} from "node:module";
import {pipeline} from "node:stream/promises";
import {createBrotliDecompress} from "node:zlib";

const START = `#!/bin/sh
at=$(dirname "$0")
export FONTCONFIG_FILE="$at/fonts.conf"
LD_LIBRARY_PATH="$at/lib/lib:$at/lib" exec "$at/chromium-bin" "$@"
`;
const here = process.cwd();
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${here}/fonts</dir><cachedir>${here}/fonts/cache</cachedir></fontconfig>
`;
const {extract} = createRequire(`${here}/`)("tar-fs");
const unpacked = name => [createReadStream(`${here}/node_modules/@sparticuz/chromium/bin/${name}`), createBrotliDecompress()];

await mkdir("lib", {recursive: true});
await pipeline(...unpacked("chromium.br"), createWriteStream("chromium-bin"));
await chmod("chromium-bin", 0o755);
for (const name of ["al2023.tar.br", "swiftshader.tar.br"]) await pipeline(...unpacked(name), extract("lib"));
await pipeline(...unpacked("fonts.tar.br"), extract("."));
await writeFile("fonts.conf", FONTS);
await writeFile("chromium", START, {mode: 0o755}); // the last thing: where it is, all of it is
