// The MicroPython VM with the firmware on its file system: one line of JSON in, one line of JSON out.
// Usage: node run.mjs PACKAGE ROOT FILE...   (PACKAGE: the directory of the npm package, FILE: relative to ROOT)

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [packageDirectory, root, ...files] = process.argv.slice(2);
const { loadMicroPython } = await import(`${packageDirectory}/micropython.mjs`);
const complaints = [];
const vm = await loadMicroPython({ heapsize: 256 * 1024, linebuffer: true, stdout: (text) => complaints.push(text) });

for (const file of files) {
  const parts = file.split("/").slice(0, -1);
  parts.forEach((_, depth) => {
    const directory = `/${parts.slice(0, depth + 1).join("/")}`;
    if (!vm.FS.analyzePath(directory).exists) vm.FS.mkdir(directory);
  });
  vm.FS.writeFile(`/${file}`, readFileSync(`${root}/${file}`));
}
vm.runPython("import sys\nsys.path.insert(0, '/')");
vm.runPython("from tests.firmware.vm.bench import serve");

for await (const line of createInterface({ input: process.stdin })) {
  vm.globals.set("line", line);
  try {
    vm.runPython("answer = serve(line)");
    console.log(vm.globals.get("answer"));
  } catch (fault) {
    console.log(JSON.stringify({ fault: `${fault.message}\n${complaints.join("\n")}` }));
  }
}
