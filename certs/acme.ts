import { Agent } from 'node:https';
import acme from 'acme-client';
import type { AcmeChallenge, AcmeChallengeType, AcmeOrder } from './acme-order.ts';
import { makeKey } from './authority.ts';
import type { KeyPair } from './key-pair.ts';

const requestTimeoutMs = 30_000;

/** As orderCertificate() of acme-order.ts. */
export async function order(wanted: AcmeOrder): Promise<KeyPair> {
  const { directoryUrl, rootPem, emails, names, challenge, accountKeyPem } = wanted;
  trustRoot(rootPem);
  const client = new acme.Client({
    directoryUrl,
    accountKey: accountKeyPem,
    backoffMin: 500,
    backoffMax: 10_000,
  });
  const account = { termsOfServiceAgreed: true, contact: emails.map((email) => `mailto:${email}`) };
  // An account that is there is found by its key.
  await client.createAccount(account);
  const key = await makeKey('ecdsa');
  const [, csr] = await acme.crypto.createCsr({ altNames: [...names] }, key);
  const put = new Map<string, AcmeChallenge>();
  const cert = await client.auto({
    csr,
    termsOfServiceAgreed: true,
    // From here the names may lead elsewhere; the authority's view counts.
    skipChallengeVerification: true,
    challengePriority: [challenge],
    challengeCreateFn: async (authorization, offered, keyAuthorization) => {
      const name = authorization.identifier.value;
      if (offered.type !== challenge)
        throw new Error(`the authority does not offer ${challenge} for ${name}`);
      const made = await challengeFor(authorization, offered.token, keyAuthorization, challenge);
      put.set(offered.url, made);
      await wanted.put(made);
    },
    challengeRemoveFn: async (_authorization, offered) => {
      const made = put.get(offered.url);
      if (made) await wanted.remove(made);
    },
  });
  return { cert, key };
}

async function challengeFor(
  authorization: Parameters<typeof acme.crypto.createAlpnCertificate>[0],
  token: string,
  keyAuthorization: string,
  type: AcmeChallengeType,
): Promise<AcmeChallenge> {
  if (type === 'http-01') return { type, token, keyAuthorization };
  const alpnKey = await makeKey('ecdsa');
  const [key, cert] = await acme.crypto.createAlpnCertificate(authorization, keyAuthorization, alpnKey);
  return { type, name: authorization.identifier.value, pair: { cert: cert.toString(), key: key.toString() } };
}

/** For this process, in which nobody else uses acme-client. */
function trustRoot(rootPem: string | undefined): void {
  const { defaults } = acme.axios;
  defaults.timeout = requestTimeoutMs;
  defaults.httpsAgent = rootPem === undefined ? undefined : new Agent({ ca: rootPem });
  // Whoever calls tries again, in longer and longer intervals.
  const settings = defaults as { acmeSettings?: { retryMaxAttempts: number; retryDefaultDelay: number } };
  if (settings.acmeSettings)
    Object.assign(settings.acmeSettings, { retryMaxAttempts: 2, retryDefaultDelay: 2 });
}
