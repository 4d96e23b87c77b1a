import type { Answer } from '../answer.ts';
import { jsonAnswer } from './responses.ts';

/** `GET /v2/` (spec end-1). */
export function handleBase(): Answer {
  return jsonAnswer(200, {});
}
