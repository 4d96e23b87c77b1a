import type { ServerResponse } from 'node:http';
import type { Page } from '../../oci/endpoints.ts';
import type { Held, PageRequest } from '../metadata/registry.ts';

/** Headers of content that a client pushed: a browser is to execute none of it. */
export const contentHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "sandbox; default-src 'none'",
};

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  sendJsonText(response, status, JSON.stringify(body), headers);
}

export function sendJsonText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  const bytes = Buffer.from(text);
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    ...headers,
    'Content-Length': bytes.length,
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(response.req.method === 'HEAD' ? undefined : bytes);
}

/** 202 of a DELETE: what still waits for leases, in bytes, and when some of it can go at the earliest. */
export function sendDeleted(response: ServerResponse, { heldBytes, nextDue }: Held): void {
  sendJson(response, 202, {
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
