import type { Page } from '../../oci/endpoints.ts';
import type { Answer } from '../answer.ts';
import type { Held, PageRequest } from '../metadata/registry.ts';

/** Headers of content that a client pushed: a browser is to execute none of it. */
export const contentHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "sandbox; default-src 'none'",
};

/** A body that is here as a whole. */
export type TextAnswer = Answer & { body: Uint8Array };

export function jsonAnswer(status: number, value: unknown, headers: Record<string, string> = {}): TextAnswer {
  return jsonTextAnswer(status, JSON.stringify(value), headers);
}

export function jsonTextAnswer(
  status: number,
  text: string,
  headers: Record<string, string> = {},
): TextAnswer {
  const types = { 'Content-Type': 'application/json; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };
  return { status, headers: { ...types, ...headers }, body: Buffer.from(text) };
}

/** 202 of a DELETE: what still waits for leases, in bytes, and when some of it can go at the earliest. */
export function deletedAnswer({ heldBytes, nextDue }: Held): Answer {
  return jsonAnswer(202, {
    held_bytes: heldBytes,
    next_due: nextDue === undefined ? null : new Date(nextDue).toISOString(),
  });
}

/** Largest page of a list; beyond it the answer has a `Link`. */
const maxPage = 10_000;

/** One entry more than the page, so that its presence says whether there is a next one. */
export function pageRequest({ n, last }: Page, fallback = maxPage): PageRequest & { size: number } {
  const size = Math.min(n ?? fallback, maxPage);
  return { size, limit: size === 0 ? 0 : size + 1, last };
}

/** `Link` of RFC 8288 to the next page, relative, so that it works behind any proxy. */
export function nextLink(target: string): Record<string, string> {
  return { Link: `<${target}>; rel="next"` };
}
