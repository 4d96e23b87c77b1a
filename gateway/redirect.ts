import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import { splitTarget } from '../oci/endpoints.ts';
import { OciError } from '../oci/errors.ts';
import { sendError } from '../runtime/error-response.ts';
import type { Log } from '../runtime/log.ts';
import { sendText } from './exchange.ts';
import type { Hostnames } from './hostname.ts';
import { demandMethod } from './routes.ts';

export interface RedirectParts {
  hostnames: Hostnames;
  httpsPort: number;
  /** What is answered in plain HTTP, by path: undefined where nothing is to be had now. */
  plainAnswer(path: string): Promise<string | undefined>;
  log: Log;
}

const plainPaths = /^\/(?:ca\.crt|\.well-known\/acme-challenge\/[^/]+)$/;

/**
 * Plain HTTP that sends everybody to HTTPS, for names that are ours only: else it would redirect anywhere. What clients
 * need before they can trust us is answered here.
 */
export function createRedirect({ hostnames, httpsPort, plainAnswer, log }: RedirectParts): RequestListener {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { name } = hostnames.check(request);
    const target = request.url ?? '';
    const { path } = splitTarget(target);
    if (plainPaths.test(path)) {
      const text = await plainAnswer(path);
      if (text === undefined) throw new OciError('NOT_FOUND');
      demandMethod(request.method ?? '', ['GET', 'HEAD']);
      return sendText(request, response, text);
    }
    const host = isIPv6(name) ? `[${name}]` : name;
    const port = httpsPort === 443 ? '' : `:${httpsPort}`;
    response.writeHead(308, { Location: `https://${host}${port}${target}`, 'Content-Length': 0 }).end();
  };
  return (request, response) => {
    answer(request, response).catch((error) => sendError(response, error, log, '-'));
  };
}
