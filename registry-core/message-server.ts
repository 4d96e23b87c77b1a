import { randomUUID } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { parseEndpoint } from '../oci/endpoints.ts';
import { OciError } from '../oci/errors.ts';
import { errorAnswer } from '../runtime/error-response.ts';
import { type Message, MessageSender, readMessages } from '../runtime/messages.ts';
import {
  isSmallRead,
  isSubmission,
  type Keep,
  maxAnswerBytes,
  type ReadAnswer,
  type ReadQuestion,
  type VersionAnswer,
  type VersionQuestion,
} from '../runtime/read-messages.ts';
import { sentHeaders } from './answer.ts';
import { type Core, dispatch } from './server.ts';

const maxQuestionBytes = 1024 * 1024;

/**
 * The core's second socket: reads whose answers are small, and pushes whose bodies are, as messages. A pull or a push of
 * a small image asks for little else, and HTTP between two processes would cost several times what the answer does. What
 * is not for here, or too large, the gateway is told to ask over HTTP.
 */
export function createMessageServer(core: Core): MessageServer {
  const start = randomUUID();
  const version = () => `${start} ${core.registry.version()}`;
  const sockets = new Set<Socket>();
  const underWay = new Set<Promise<void>>();
  let isClosing = false;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A gateway that was killed; those who wait for it are gone with it.
    socket.on('error', () => {});
    const sender = new MessageSender(socket);
    readMessages(socket, maxQuestionBytes, (message) => {
      if ('version' in (message.head as ReadQuestion | VersionQuestion)) {
        const { witness } = core.registry;
        sender.send(message.id, { version: version(), ...(witness && { witness }) } satisfies VersionAnswer);
        return;
      }
      const taken = isClosing
        ? Promise.resolve(sender.send(message.id, overHttp))
        : take(core, version, message, sender);
      underWay.add(taken);
      void taken.finally(() => underWay.delete(taken));
    });
  });
  return {
    server,
    async close() {
      isClosing = true;
      server.close();
      await Promise.all(underWay);
      for (const socket of sockets) socket.end();
    },
  };
}

const overHttp: ReadAnswer = { status: 0, headers: {} };

export interface MessageServer {
  server: Server;
  /** What is under way is answered; what comes meanwhile the gateway asks again over HTTP. */
  close(): Promise<void>;
}

async function take(
  core: Core,
  version: () => string,
  { id, head, body: submitted }: Message,
  sender: MessageSender,
): Promise<void> {
  const { method, target, headers, context } = head as ReadQuestion;
  try {
    const endpoint = parseEndpoint(method, target);
    if (!endpoint) throw new OciError('NOT_FOUND');
    const isRead = isSmallRead(endpoint.kind, method);
    if (!isRead && !isSubmission(endpoint.kind, method)) {
      sender.send(id, overHttp);
      return;
    }
    // Before anything is read: the answer is then at worst newer than its version says. What a push changes is not kept.
    const readFrom = isRead ? version() : undefined;
    const answer = await dispatch(core, endpoint, { method, headers, context, body: submitted });
    const body = method === 'HEAD' ? undefined : answer.body;
    if (body && !(body instanceof Uint8Array && body.length <= maxAnswerBytes)) {
      sender.send(id, overHttp);
      return;
    }
    const { status, keepMs = 0 } = answer;
    const keep: Keep | undefined = readFrom && keepMs > 0 ? { version: readFrom, ms: keepMs } : undefined;
    const sent = { status, headers: lowerCased(sentHeaders(answer)), ...(keep && { keep }) };
    sender.send(id, sent satisfies ReadAnswer, body);
  } catch (error) {
    const { status, headers, body } = errorAnswer(error, core.log, context.requestId);
    sender.send(
      id,
      { status, headers: lowerCased(headers) },
      method === 'HEAD' ? undefined : Buffer.from(body),
    );
  }
}

/** As HTTP hands them over. */
function lowerCased(headers: object): ReadAnswer['headers'] {
  const lower: ReadAnswer['headers'] = {};
  for (const [name, value] of Object.entries(headers)) lower[name.toLowerCase()] = `${value}`;
  return lower;
}
