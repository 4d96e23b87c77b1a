import { endpoint, isNetwork, key, list, orOff } from './values.ts';

/** What is told to those who watch. */
export const observeSettings = {
  'metrics.listen': key(
    orOff(endpoint),
    'off',
    'Address and port of Prometheus metrics (`/metrics`), usually `127.0.0.1:9464`. Whoever reaches it may read them: keep it to this machine or a network of your own.',
  ),
  'health.details_to': key(
    list('addresses or networks such as 10.0.0.0/8, separated by commas', isNetwork),
    '',
    'Clients to whom `/readyz` says what is wrong. Others get the status only.',
  ),
} as const;
