import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/** The keys in a setting of one or two secrets; while a secret is replaced, both sign. */
export function keysOf(secrets: string): readonly Buffer[] {
  return secrets.split(/\s+/).map((secret) => Buffer.from(secret.slice(PREFIX.length), 'base64'));
}

/** What a message is signed as: its id, the attempt's instant in epoch seconds, and the bytes of its body. */
export interface Signed {
  readonly id: string;
  readonly timestamp: number;
  readonly body: string;
}

/** The headers of the Standard Webhooks specification, one signature per key. */
export function headersOf({ id, timestamp, body }: Signed, keys: readonly Buffer[]): Record<string, string> {
  const text = `${id}.${timestamp}.${body}`;
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(text).digest('base64')}`);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}
