import { connect, type Socket } from 'node:net';
import { type Message, MessageSender, readMessages } from '../runtime/messages.ts';
import { maxAnswerBytes, type ReadAnswer, type ReadQuestion } from '../runtime/read-messages.ts';
import { shortSocketPath } from '../runtime/socket-path.ts';

/** The cheap way to the core, for reads whose answers are small. */
export interface CoreMessages {
  /** @returns undefined when it has to be asked over HTTP: too large, or nobody there (which HTTP then finds out). */
  ask(question: ReadQuestion): Promise<CoreAnswer | undefined>;
  close(): void;
}

export interface CoreAnswer {
  statusCode: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: Buffer;
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
  return {
    ask(question) {
      if (connection?.isOpen) return connection.ask(question);
      if (isClosed || performance.now() < notBeforeMs) return Promise.resolve(undefined);
      notBeforeMs = performance.now() + pauseMs;
      connection = new Connection(path.path);
      return connection.ask(question);
    },
    close() {
      isClosed = true;
      connection?.close();
      path.close();
    },
  };
}

class Connection {
  isOpen = true;
  readonly #socket: Socket;
  readonly #sender: MessageSender;
  readonly #waiting = new Map<number, (answer: CoreAnswer | undefined) => void>();
  #lastId = 0;

  constructor(path: string) {
    this.#socket = connect({ path });
    this.#sender = new MessageSender(this.#socket);
    readMessages(this.#socket, maxMessageBytes, (message) => this.#take(message));
    this.#socket.on('error', () => {});
    this.#socket.on('end', () => this.#socket.destroy());
    this.#socket.on('close', () => this.#lost());
  }

  ask(question: ReadQuestion): Promise<CoreAnswer | undefined> {
    this.#lastId = (this.#lastId + 1) >>> 0;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#sender.send(id, question);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take({ id, head, body }: Message): void {
    const { status, headers } = head as ReadAnswer;
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.(status === 0 ? undefined : { statusCode: status, headers, body });
  }

  #lost(): void {
    this.isOpen = false;
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }
}
