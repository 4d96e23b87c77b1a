import type { RequestListener } from 'node:http';
import { isIPv6 } from 'node:net';
import { splitTarget } from '../oci/endpoints.ts';
import { sendError } from '../runtime/error-response.ts';
import type { Log } from '../runtime/log.ts';
import type { Hostnames } from './hostname.ts';

/** Plain HTTP that sends everybody to HTTPS, for names that are ours only: else it would redirect anywhere. */
export function createRedirect(hostnames: Hostnames, httpsPort: number, log: Log): RequestListener {
  return (request, response) => {
    try {
      const { name } = hostnames.check(request);
      const target = request.url ?? '';
      splitTarget(target);
      const host = isIPv6(name) ? `[${name}]` : name;
      const port = httpsPort === 443 ? '' : `:${httpsPort}`;
      response.writeHead(308, { Location: `https://${host}${port}${target}`, 'Content-Length': 0 }).end();
    } catch (error) {
      sendError(response, error, log, '-');
    }
  };
}
