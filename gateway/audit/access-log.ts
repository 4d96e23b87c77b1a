import type { IncomingMessage } from 'node:http';
import type { Log } from '../../runtime/log.ts';
import type { Exchange } from '../exchange.ts';
import type { LoginFailure } from '../identity/index.ts';
import type { AccessLines } from './access-lines.ts';

/** What is written down of who did what. */
export interface Audit {
  /** At its beginning. @returns writes it down; to be called when it is over, however it ended. */
  follow(exchange: Exchange): () => void;
  loginFailed(exchange: Exchange, failure: LoginFailure): void;
}

const maxUserAgent = 200;
const maxTarget = 1000;

export function openAudit(log: Log, lines: AccessLines): Audit {
  return {
    follow(exchange) {
      const { request, response } = exchange;
      const { socket } = request;
      const writtenBefore = socket.bytesWritten;
      const readBefore = socket.bytesRead;
      return () => {
        lines.write({
          ...describe(exchange),
          // 499 as nginx has it: the client was gone before there was an answer.
          status: response.headersSent ? response.statusCode : 499,
          complete: response.writableFinished,
          sentBytes: socket.bytesWritten - writtenBefore,
          receivedBytes: receivedBytes(request, socket.bytesRead - readBefore),
          durationMs: Math.round((performance.now() - exchange.startedAtMs) * 10) / 10,
          httpVersion: request.httpVersion,
          referer: printable(request.headers.referer?.slice(0, maxUserAgent)),
          userAgent: printable(request.headers['user-agent']?.slice(0, maxUserAgent)),
        });
      };
    },
    loginFailed(exchange, { account, reason }) {
      log.warn('login failed', { ...describe(exchange), account, reason });
    },
  };
}

/** Terminals obey C1 control characters, which JSON does not escape and HTTP lets pass. */
function printable(text: string | undefined): string | undefined {
  return text?.replace(/[\u007f-\u009f]/g, '?');
}

/** Of the body. What came together with the head is not in `readSince`. */
function receivedBytes({ complete, headers }: IncomingMessage, readSince: number): number {
  const announced = Number(headers['content-length']);
  return complete && announced > 0 ? announced : readSince;
}

function describe({ request, requestId, clientAddress, actor, logTarget }: Exchange) {
  return {
    requestId,
    address: clientAddress,
    account: actor?.name,
    method: request.method,
    path: logTarget.slice(0, maxTarget),
  };
}

/** All of them, in order. */
export function together(...audits: readonly Audit[]): Audit {
  return {
    follow(exchange) {
      const ends = audits.map((audit) => audit.follow(exchange));
      return () => {
        for (const end of ends) end();
      };
    },
    loginFailed(exchange, failure) {
      for (const audit of audits) audit.loginFailed(exchange, failure);
    },
  };
}
