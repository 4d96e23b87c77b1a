import { isIP } from 'node:net';
import type { ConfigFault } from './config.ts';
import type { Config, ConfigName } from './config-schema.ts';

/** Settings that are good by themselves but do not go together; those that are faulty already are not looked at. */
export function crossFaults(values: Config): ConfigFault[] {
  return [...proxyFaults(values), ...filesFaults(values), ...clientFaults(values), ...acmeFaults(values)];
}

function proxyFaults(values: Config): ConfigFault[] {
  if (values['proxy.protocol'] !== 'on' || values['proxy.trusted']?.length !== 0) return [];
  const expected = 'the proxies that send the header, since proxy.protocol is on';
  return [{ key: 'proxy.trusted', value: '', expected }];
}

function filesFaults(values: Config): ConfigFault[] {
  if (values['tls.mode'] !== 'files') return [];
  return missing(values, ['tls.certificate', 'tls.key'], 'a PEM file, since tls.mode is files');
}

function clientFaults(values: Config): ConfigFault[] {
  const asked = values['tls.client_certificates'];
  if (asked !== 'optional' && asked !== 'required') return [];
  if (values['tls.mode'] !== 'off') {
    return missing(values, ['tls.client_ca'], `a PEM file, since tls.client_certificates is ${asked}`);
  }
  const expected = 'off, since TLS ends elsewhere (tls.mode: off)';
  return [{ key: 'tls.client_certificates', value: asked, expected }];
}

function acmeFaults(values: Config): ConfigFault[] {
  if (values['tls.mode'] !== 'acme' || !values.hostname) return [];
  const faults: ConfigFault[] = [];
  if (values.hostname.every((name) => isIP(name) !== 0)) {
    const expected = 'at least one host name to get a certificate for, since tls.mode is acme';
    faults.push({ key: 'hostname', value: values.hostname.join(', '), expected });
  }
  if (values['tls.acme.challenge'] === 'http-01' && values['http.port'] === 0) {
    const expected = 'the port that port 80 leads to, since tls.acme.challenge is http-01';
    faults.push({ key: 'http.port', value: '0', expected });
  }
  return faults;
}

function missing(values: Config, names: ConfigName[], expected: string): ConfigFault[] {
  return names.filter((name) => values[name] === '').map((name) => ({ key: name, value: '', expected }));
}
