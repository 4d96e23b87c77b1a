import type { Exchange } from '../server.ts';
import { sendJson } from './responses.ts';

/** `GET /v2/` (spec end-1). */
export function handleBase({ response }: Exchange): void {
  sendJson(response, 200, {});
}
