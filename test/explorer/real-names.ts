import type { Handlers, Result } from './operations.ts';
import {
  type Blob,
  blobOf,
  blobs,
  type Key,
  keyText,
  type Session,
  sessionId,
  sessions,
} from './universe.ts';

export type RealOperations = Handlers<string, Result | Promise<Result>>;

export const bit = (value: unknown): Result => (value ? 1 : 0);
export const digestOf = (key: Key) => blobs[blobOf(key)].digest;
export const nameOfKey = (text: string): string => text.slice(text.indexOf('.') + 1);
export const nameOfSession = (id: string): Session =>
  (Object.keys(sessions) as Session[]).find((session) => sessionId(session) === id)!;
export const nameOfBlob = (digest: string): Blob => (digest === blobs.x.digest ? 'x' : 'y');
export const doomedText = (kind: 'blob' | 'upload', name: Key) =>
  kind === 'blob' ? keyText(name) : sessionId(name as Session);
