import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import type { Target } from './http.ts';
import { onEnd, type Scope } from './scope.ts';

export interface KeptAnswer {
  status: number;
  text: string;
  /** Whether the connection had served a request before. */
  reused: boolean;
}

/** Sends the same request on each of several connections that stay open, all at once. */
export type AskAll = (path: string, authorization: string) => Promise<KeptAnswer[]>;

/** Connections of their own; a gateway with several workers deals them out in turn. */
export function keepConnections(scope: Scope, target: Target, count: number): AskAll {
  const { request, Agent } = target.origin.startsWith('https:') ? https : http;
  const agents = Array.from({ length: count }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  onEnd(scope, () => {
    for (const agent of agents) agent.destroy();
  });
  const ask = async (agent: http.Agent, path: string, authorization: string): Promise<KeptAnswer> => {
    const sent = request(target.origin + path, { agent, ca: target.ca, headers: { authorization } });
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: response.statusCode!, text: await text(response), reused: sent.reusedSocket };
  };
  return (path, authorization) => Promise.all(agents.map((agent) => ask(agent, path, authorization)));
}
