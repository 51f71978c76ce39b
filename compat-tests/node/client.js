// A small Doozer client on protobufjs, its messages described at run time.
import net from "node:net";
import protobuf from "protobufjs";

const definition = `
  syntax = "proto2";
  message Request {
    enum Verb {
      GET = 1; SET = 2; DEL = 3; REV = 5; WAIT = 6; NOP = 7; WALK = 9; GETDIR = 14; STAT = 16;
      SELF = 20; ACCESS = 99;
    }
    optional int32 tag = 1;
    optional Verb verb = 2;
    optional string path = 4;
    optional bytes value = 5;
    optional int32 other_tag = 6;
    optional int32 offset = 7;
    optional int64 rev = 9;
  }
  message Response {
    enum Err {
      TAG_IN_USE = 1; UNKNOWN_VERB = 2; READONLY = 3; TOO_LATE = 4; REV_MISMATCH = 5;
      BAD_PATH = 6; MISSING_ARG = 7; RANGE = 8; NOTDIR = 20; ISDIR = 21; NOENT = 22; OTHER = 127;
    }
    optional int32 tag = 1;
    optional int32 flags = 2;
    optional int64 rev = 3;
    optional string path = 5;
    optional bytes value = 6;
    optional int32 len = 8;
    optional Err err_code = 100;
    optional string err_detail = 101;
  }`;
const { root } = protobuf.parse(definition, { keepCase: true });
const Request = root.lookupType("Request");
const Response = root.lookupType("Response");
const { Verb } = Request.nested;
const { Err } = Response.nested;

export const SET = 4;
export const DEL = 8;

/** An error that the server answered. */
export class DoozerError extends Error {
  constructor(response) {
    const name = Err.valuesById[response.err_code];
    super(`${name} ${response.err_detail ?? ""}`.trim());
    this.code = name;
    this.detail = response.err_detail;
  }
}

/** One connection with any number of requests under way. */
export class Client {
  #socket;
  #waiting = new Map();
  #unread = Buffer.alloc(0);
  #tag = 0;

  /** Connects to HOST:PORT. */
  static async connect(addr) {
    const [, host, port] = addr.match(/^(.*):(\d+)$/);
    const socket = net.connect({ host, port: Number(port), noDelay: true });
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Client(socket);
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => this.#read(bytes));
    socket.on("error", () => {});
    socket.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("connection closed"));
    });
  }

  close() {
    this.#socket.destroy();
  }

  /** The response to one request; its error is thrown. */
  call(verb, fields = {}) {
    const tag = ++this.#tag;
    const body = Request.encode(Request.create({ ...fields, tag, verb: Verb.values[verb] })).finish();
    const header = Buffer.alloc(4);
    header.writeInt32BE(body.length);
    this.#socket.write(Buffer.concat([header, body]));
    return new Promise((resolve, reject) => this.#waiting.set(tag, { resolve, reject }));
  }

  #read(bytes) {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    while (this.#unread.length >= 4) {
      const end = 4 + this.#unread.readInt32BE();
      if (this.#unread.length < end) return;
      this.#deliver(Response.decode(this.#unread.subarray(4, end)));
      this.#unread = this.#unread.subarray(end);
    }
  }

  #deliver(response) {
    const { resolve, reject } = this.#waiting.get(response.tag);
    this.#waiting.delete(response.tag);
    if (Object.hasOwn(response, "err_code")) reject(new DoozerError(response));
    else resolve(response);
  }

  access(secret) {
    return this.call("ACCESS", { value: Buffer.from(secret) });
  }

  async rev() {
    return Number((await this.call("REV")).rev);
  }

  async self() {
    return Buffer.from((await this.call("SELF")).value).toString();
  }

  nop() {
    return this.call("NOP");
  }

  async set(path, value, rev = -1) {
    return Number((await this.call("SET", { path, value: Buffer.from(value), rev })).rev);
  }

  async get(path, at = {}) {
    const response = await this.call("GET", { path, ...at });
    return { value: Buffer.from(response.value), rev: Number(response.rev) };
  }

  del(path, rev = -1) {
    return this.call("DEL", { path, rev });
  }

  async stat(path, at = {}) {
    const response = await this.call("STAT", { path, ...at });
    return { len: response.len, rev: Number(response.rev) };
  }

  async wait(glob, rev) {
    return event(await this.call("WAIT", { path: glob, rev }));
  }

  async walk(glob, at = {}) {
    return (await this.#untilRange("WALK", { path: glob, ...at })).map(event);
  }

  async getdir(path, at = {}) {
    return (await this.#untilRange("GETDIR", { path, ...at })).map((found) => found.path);
  }

  async #untilRange(verb, fields) {
    const found = [];
    for (;;) {
      try {
        found.push(await this.call(verb, { ...fields, offset: found.length }));
      } catch (error) {
        if (error.code === "RANGE") return found;
        throw error;
      }
    }
  }
}

function event({ path, value, rev, flags }) {
  return { path, value: Buffer.from(value), rev: Number(rev), flags };
}
