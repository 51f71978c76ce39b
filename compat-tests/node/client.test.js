// Every call against the server in DOOZER_TEST_ADDR; `cargo test --test foreign_clients` starts it.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { Client, DEL, SET } from "./client.js";

const addr = process.env.DOOZER_TEST_ADDR;
let client;

before(async () => {
  client = await Client.connect(addr);
});
after(() => client.close());

const folder = () => `/node/${randomBytes(8).toString("hex")}`;
const refused = (code, promise) => assert.rejects(promise, { code });

test("a file is set, read and deleted", async () => {
  const path = `${folder()}/f`;
  const first = await client.set(path, "one", 0);
  const value = Buffer.from([0, 255, 10]);
  const second = await client.set(path, value, first);
  assert.ok(second > first);
  assert.deepEqual(await client.get(path), { value, rev: second });
  assert.deepEqual(await client.get(path, { rev: first }), { value: Buffer.from("one"), rev: first });
  await client.del(path, second);
  assert.deepEqual(await client.get(path), { value: Buffer.alloc(0), rev: 0 });
});

test("a missing file has a value that is there and empty", async () => {
  const response = await client.call("GET", { path: folder() });
  assert.ok(Object.hasOwn(response, "value") && Object.hasOwn(response, "rev"));
});

test("values of every size come back", async () => {
  const path = `${folder()}/big`;
  for (const size of [0, 1, 3000, 1 << 20]) {
    const value = randomBytes(size);
    const rev = await client.set(path, value);
    assert.deepEqual(await client.get(path), { value, rev });
  }
});

test("errors have their names", async () => {
  const dir = folder();
  const path = `${dir}/f`;
  const rev = await client.set(path, "v");
  await refused("REV_MISMATCH", client.set(path, "", rev - 1));
  await refused("NOTDIR", client.set(`${path}/below`, ""));
  await refused("ISDIR", client.get(dir));
  await refused("ISDIR", client.set(dir, ""));
  await refused("BAD_PATH", client.set("/not_valid", ""));
  await refused("NOENT", client.getdir(`${dir}/none`));
  await refused("NOTDIR", client.getdir(path));
  await refused("MISSING_ARG", client.call("GET"));
  await assert.rejects(client.wait("/[", 1), { code: "OTHER", detail: "invalid glob pattern: /[" });
});

test("stat tells files, directories and what is missing", async () => {
  const dir = folder();
  const rev = await client.set(`${dir}/f`, "12345");
  assert.deepEqual(await client.stat(`${dir}/f`), { len: 5, rev });
  assert.deepEqual(await client.stat(dir), { len: 1, rev: -2 });
  assert.deepEqual(await client.stat(`${dir}/none`), { len: 0, rev: 0 });
});

test("walk and getdir list in byte order", async () => {
  const dir = folder();
  for (const name of ["b", "a/deep", "C"]) await client.set(`${dir}/${name}`, name);
  assert.deepEqual(await client.getdir(dir), ["C", "a", "b"]);
  const found = await client.walk(`${dir}/**`);
  assert.deepEqual(found.map((file) => file.path), ["/C", "/a/deep", "/b"].map((name) => dir + name));
  assert.ok(found.every((file) => file.flags === SET));
  const rev = await client.rev();
  await client.del(`${dir}/b`);
  assert.deepEqual(await client.getdir(dir, { rev }), ["C", "a", "b"]);
});

test("wait tells of the past and of what comes", async () => {
  const dir = folder();
  const rev = await client.set(`${dir}/f`, "v");
  await client.del(`${dir}/f`);
  const value = Buffer.from("v");
  assert.deepEqual(await client.wait(`${dir}/*`, rev), { path: `${dir}/f`, value, rev, flags: SET });
  const deleted = await client.wait(`${dir}/*`, rev + 1);
  assert.equal(deleted.flags, DEL);
  const later = client.wait(`${dir}/later`, deleted.rev + 1);
  await client.rev();
  const set = await client.set(`${dir}/later`, "now");
  assert.equal((await later).rev, set);
});

test("a nop takes a revision and is an event", async () => {
  const rev = await client.rev();
  await client.nop();
  const event = await client.wait("/", rev + 1);
  assert.deepEqual([event.path, event.flags], ["/", 0]);
});

test("hundreds of requests may be under way at once", async () => {
  const dir = folder();
  const numbers = Array.from({ length: 300 }, (_, number) => number);
  const revs = await Promise.all(numbers.map((number) => client.set(`${dir}/${number}`, "v", 0)));
  assert.equal(new Set(revs).size, numbers.length);
  assert.equal((await client.stat(dir)).len, numbers.length);
});

test("self is the node at this address", async () => {
  const id = await client.self();
  assert.match(id, /^[A-Z2-7]{16}$/);
  assert.equal((await client.get(`/ctl/node/${id}/addr`)).value.toString(), addr);
});

test("secrets open reading and writing", async () => {
  const other = await Client.connect(process.env.DOOZER_TEST_SECRET_ADDR);
  await assert.rejects(other.get("/x"), { code: "OTHER", detail: "permission denied" });
  await other.rev();
  await other.access("r");
  await other.get("/x");
  await refused("OTHER", other.set("/x", "v"));
  await refused("OTHER", other.access("wrong"));
  await other.access("w");
  await other.set("/x", "v");
  other.close();
});
