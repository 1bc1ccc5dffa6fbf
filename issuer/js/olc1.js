/**
 * OLC1: issues offline access codes for a lock that knows the same key, without asking anybody.
 *
 * One file, no dependencies: any browser, React Native with WebCrypto, Deno, Bun, Node 20 or newer.
 *
 *     import { importKey, issue } from "./olc1.js";
 *     const key = await importKey(bytesOfTheIssuersKey);
 *     const code = await issue({
 *       deviceId: "1ae947f4-6f5e-4855-8a32-90072f934865", kid: 1, issuer: 7, key,
 *       kind: "timed", start: new Date("2026-06-01T15:00:00Z"), hours: 68, serial: 0,
 *     });
 *
 * What is asked for and cannot be said by a code is a RangeError. What a lock makes of a code (its policy,
 * the first use within 24 hours) is the lock's; see docs/offline-codes.md of lock-agent.
 */

const EPOCH_MS = Date.UTC(2024, 0, 1);
const HOUR_MS = 3_600_000;
const Q_VALUES = 4096;
const SERIALS = { timed: 4, once: 48 };
const DURATIONS = 1011;
const FIRST_ONCE = SERIALS.timed * DURATIONS;
const CANCEL = Q_VALUES - 1;
const LONGEST_HOURLY = 672;
const LONGEST = 367 * 24;
const LAST_ERA = 255;
const ROUNDS = 10;
const BLOCK = 16;

/** The 32-byte key of an issuer, as the lock's owner hands it out, made ready for `issue`. Not extractable. */
export async function importKey(bytes) {
  if (bytes.length !== 32) throw new RangeError("the key of an issuer is 32 bytes");
  return crypto.subtle.importKey("raw", bytes, "AES-CBC", false, ["encrypt"]);
}

/** The 32-byte key of one issuer, from the 32-byte root. Whoever has the root can make keys for anybody. */
export async function deriveKey(root, kid, issuer) {
  if (root.length !== 32) throw new RangeError("the root is 32 bytes");
  const secret = await crypto.subtle.importKey("raw", root, "HKDF", false, ["deriveBits"]);
  const info = new Uint8Array([...ascii("OLC1|ff1|"), octet(kid, "kid"), octet(issuer, "issuer")]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  return new Uint8Array(await crypto.subtle.deriveBits(how, secret, 256));
}

/**
 * The digits of a code, as a string: leading zeros count.
 *
 * kind "timed": opens for `hours` (1 to 672, or up to 8808 rounded up to whole days), serial 0 to 3.
 * kind "once": opens one time within 24 hours, serial 0 to 47. kind "cancel": ends what starts before it.
 * `start` (a Date) is floored to the hour of the lock; `digits` and `phaseS` are properties of the lock.
 */
export async function issue({
  deviceId, kid, issuer, key, kind, start, hours = 24, serial = 0, digits = 10, phaseS = 0,
}) {
  if (![8, 9, 10].includes(digits)) throw new RangeError("a code has 8, 9 or 10 digits");
  if (![0, 900, 1800, 2700].includes(phaseS)) throw new RangeError("phaseS is 0, 900, 1800 or 2700");
  const slot = Math.floor((start.getTime() - EPOCH_MS - phaseS * 1000) / HOUR_MS);
  const slots = Math.floor(10 ** digits / Q_VALUES);
  const era = Math.floor(slot / slots);
  if (!(era >= 0 && era <= LAST_ERA)) throw new RangeError("codes start in 2024 or later");
  const number = (slot % slots) * Q_VALUES + qOf(kind, hours, serial);
  const named = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(deviceId)));
  const head = [...ascii("OLC1"), digits, octet(kid, "kid"), octet(issuer, "issuer"), era];
  return encrypt(key, new Uint8Array([...head, ...named.slice(0, 4)]), number, digits);
}

/** The hours that a code for `hours` really has: whole days above 672. */
export function roundedUp(hours) {
  if (!(Number.isInteger(hours) && hours >= 1 && hours <= LONGEST)) {
    throw new RangeError(`a code lasts 1 to ${LONGEST} whole hours`);
  }
  return hours <= LONGEST_HOURLY ? hours : Math.ceil(hours / 24) * 24;
}

function qOf(kind, hours, serial) {
  if (kind === "cancel") return CANCEL;
  if (!Object.hasOwn(SERIALS, kind)) throw new RangeError('kind is "timed", "once" or "cancel"');
  if (!(Number.isInteger(serial) && serial >= 0 && serial < SERIALS[kind])) {
    throw new RangeError(`the serial of a ${kind} code is 0 to ${SERIALS[kind] - 1}`);
  }
  if (kind === "once") return FIRST_ONCE + serial;
  const given = roundedUp(hours);
  const duration = given <= LONGEST_HOURLY ? given - 1 : LONGEST_HOURLY + given / 24 - 29;
  return serial * DURATIONS + duration;
}

/** FF1 (NIST SP 800-38G) of one number of 8 to 10 digits with a tweak of 12 bytes: two blocks a round. */
async function encrypt(key, tweak, number, digits) {
  const first = Math.floor(digits / 2);
  const halves = [10 ** first, 10 ** (digits - first)];
  const size = digits === 8 ? 2 : 3;
  const message = new Uint8Array(2 * BLOCK);
  message.set([1, 2, 1, 0, 0, 10, 10, first, 0, 0, 0, digits, 0, 0, 0, tweak.length]);
  message.set(tweak, BLOCK);
  let left = Math.floor(number / halves[1]);
  let right = number % halves[1];
  for (let round = 0; round < ROUNDS; round += 1) {
    message[2 * BLOCK - size - 1] = round;
    for (let place = 0; place < size; place += 1) {
      message[2 * BLOCK - 1 - place] = Math.floor(right / 256 ** place) % 256;
    }
    // CBC from zeros is the chain that FF1 asks for; its second block is the result, the padding is dropped.
    const iv = new Uint8Array(BLOCK);
    const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CBC", iv }, key, message));
    const y = new DataView(sealed.buffer).getBigUint64(BLOCK);
    const size10 = BigInt(halves[round % 2]);
    [left, right] = [right, Number((BigInt(left) + y) % size10)];
  }
  return String(left * halves[1] + right).padStart(digits, "0");
}

function octet(value, name) {
  if (!(Number.isInteger(value) && value >= 0 && value <= 255)) throw new RangeError(`${name} is 0 to 255`);
  return value;
}

function ascii(text) {
  return [...text].map((character) => character.charCodeAt(0));
}
