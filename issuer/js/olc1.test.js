// node --test: the module against the published vectors, and what it must refuse.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { deriveKey, importKey, issue, roundedUp } from "./olc1.js";

const published = JSON.parse(readFileSync(new URL("../vectors.json", import.meta.url), "utf8"));
const root = Uint8Array.from(Buffer.from(published.root, "hex"));

for (const vector of published.vectors) {
  test(`${vector.d} digits, kid ${vector.kid}, ${vector.kind} from ${vector.start}, serial ${vector.serial}`, async () => {
    const bytes = await deriveKey(root, vector.kid, vector.issuer);
    assert.equal(Buffer.from(bytes).toString("hex"), vector.key);
    const code = await issue({
      deviceId: published.device_id,
      kid: vector.kid,
      issuer: vector.issuer,
      key: await importKey(bytes),
      kind: vector.kind,
      start: new Date(vector.start),
      hours: vector.hours,
      serial: vector.serial,
      digits: vector.d,
      phaseS: vector.phase,
    });
    assert.equal(code, vector.code);
  });
}

test("a duration is rounded up to whole days above 672 hours", () => {
  assert.deepEqual([1, 672, 673, 696, 697].map(roundedUp), [1, 672, 696, 696, 720]);
});

const wrong = [
  { hours: 0 }, { hours: 8809 }, { hours: 1.5 }, { serial: 4 }, { serial: -1 }, { kind: "once", serial: 48 },
  { kind: "constructor" }, { digits: 7 }, { phaseS: 60 }, { kid: 256 }, { issuer: -1 },
  { start: new Date("2023-12-31T23:59:59Z") }, { start: new Date(NaN) },
];
for (const part of wrong) {
  test(`${JSON.stringify(part)} is refused`, async () => {
    const key = await importKey(new Uint8Array(32));
    const right = { deviceId: "lock", kid: 1, issuer: 0, key, kind: "timed", start: new Date("2026-06-01") };
    await issue(right);
    await assert.rejects(issue({ ...right, ...part }), RangeError);
  });
}

test("a key that is imported cannot be read again, and a short one is none", async () => {
  const key = await importKey(new Uint8Array(32));
  assert.equal(key.extractable, false);
  await assert.rejects(importKey(new Uint8Array(16)), RangeError);
  await assert.rejects(deriveKey(new Uint8Array(16), 1, 0), RangeError);
});
