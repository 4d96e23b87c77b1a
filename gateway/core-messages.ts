import { connect, type Socket } from 'node:net';
import { type Message, MessageSender, readMessages } from '../runtime/messages.ts';
import {
  type Keep,
  maxAnswerBytes,
  type ReadAnswer,
  type ReadQuestion,
  type VersionAnswer,
  type VersionQuestion,
} from '../runtime/read-messages.ts';
import { shortSocketPath } from '../runtime/socket-path.ts';
import { openWitness, type VersionWitness } from './version-witness.ts';

/** The cheap way to the core, for reads whose answers are small. */
export interface CoreMessages {
  /** @returns undefined when it has to be asked over HTTP: too large, or nobody there (which HTTP then finds out). */
  ask(question: ReadQuestion): Promise<CoreAnswer | undefined>;
  /**
   * A push, which is not to be repeated by whoever does not know what came of it.
   * @returns undefined when nothing was done and it has to be sent over HTTP.
   * @throws Error ECONNRESET when the connection broke before the answer.
   */
  submit(question: ReadQuestion, body: Uint8Array): Promise<CoreAnswer | undefined>;
  /**
   * The version that the core's store has now: no earlier than this was called. One question is sent for all who call
   * before it goes out. @returns undefined when nobody is there.
   */
  version(): Promise<string | undefined>;
  /** The same, seen without a question, and in words of its own; undefined where it cannot be seen. */
  seenVersion(): string | undefined;
  close(): void;
}

export interface CoreAnswer {
  statusCode: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: Buffer;
  /** How long it may be given again. */
  keep: Keep | undefined;
}

const maxMessageBytes = maxAnswerBytes + 1024 * 1024;
/** While the core restarts every request goes over HTTP, which waits for it. */
const pauseMs = 200;

/** One connection, made when it is first needed and again when it was lost. */
export function openCoreMessages(socketPath: string): CoreMessages {
  const path = shortSocketPath(socketPath);
  let connection: Connection | undefined;
  let notBeforeMs = 0;
  let isClosed = false;
  const connected = (): Connection | undefined => {
    if (connection?.isOpen) return connection;
    if (isClosed || performance.now() < notBeforeMs) return undefined;
    notBeforeMs = performance.now() + pauseMs;
    connection = new Connection(path.path);
    return connection;
  };
  return {
    ask: async (question) => connected()?.ask(question),
    async submit(question, body) {
      const there = connected();
      return there?.isReady ? there.submit(question, body) : undefined;
    },
    version: () => (connection?.isOpen ? connection.version() : Promise.resolve(undefined)),
    seenVersion: () => connection?.witness?.look(),
    close() {
      isClosed = true;
      connection?.close();
      path.close();
    },
  };
}

type Reply = Message | undefined;

class Connection {
  isOpen = true;
  /** The core has taken the connection: what is sent gets there, or the connection breaks. */
  isReady = false;
  /** Once the core has named it. */
  witness: VersionWitness | undefined;
  readonly #socket: Socket;
  readonly #sender: MessageSender;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #lastId = 0;
  /** Of a question that has not gone out yet. */
  #version: Promise<string | undefined> | undefined;

  constructor(path: string) {
    this.#socket = connect({ path }, () => {
      this.isReady = true;
    });
    this.#sender = new MessageSender(this.#socket);
    readMessages(this.#socket, maxMessageBytes, (message) => this.#take(message));
    this.#socket.on('error', () => {});
    this.#socket.on('end', () => this.#socket.destroy());
    this.#socket.on('close', () => this.#lost());
  }

  async ask(question: ReadQuestion): Promise<CoreAnswer | undefined> {
    const reply = await this.#send(question);
    return reply && answerIn(reply);
  }

  async submit(question: ReadQuestion, body: Uint8Array): Promise<CoreAnswer | undefined> {
    const reply = await this.#send(question, body);
    if (reply) return answerIn(reply);
    throw Object.assign(new Error('the connection to the core broke'), { code: 'ECONNRESET' });
  }

  version(): Promise<string | undefined> {
    if (!this.#version) {
      this.#version = this.#send({ version: true }).then((reply) => reply && this.#versionIn(reply));
      // The sender sends in the same phase of the event loop; nothing is received between the two.
      setImmediate(() => {
        this.#version = undefined;
      });
    }
    return this.#version;
  }

  close(): void {
    this.#socket.destroy();
  }

  #versionIn({ head }: Message): string {
    const { version, witness } = head as VersionAnswer;
    if (witness && this.isOpen && !this.witness?.isThere) this.witness = openWitness(witness);
    return version;
  }

  #send(question: ReadQuestion | VersionQuestion, body?: Uint8Array): Promise<Reply> {
    this.#lastId = (this.#lastId + 1) >>> 0;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#sender.send(id, question, body);
    });
  }

  #take(message: Message): void {
    const resolve = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    resolve?.(message);
  }

  #lost(): void {
    this.isOpen = false;
    this.isReady = false;
    this.witness?.close();
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }
}

function answerIn({ head, body }: Message): CoreAnswer | undefined {
  const { status, headers, keep } = head as ReadAnswer;
  return status === 0 ? undefined : { statusCode: status, headers, body, keep };
}
