import type { Metrics } from './metrics.js';
import type { OpenedStore } from './redis/open.js';

/** One thing that must be right for the broker to be sent work. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface Readiness {
  readonly ok: boolean;
  readonly checks: readonly HealthCheck[];
}

/** Whether the broker may be sent work, and why not. */
export interface Health {
  ready(): Promise<Readiness>;
  /** The broker is about to stop. */
  drain(): void;
}

export function createHealth(parts: {
  opened: OpenedStore;
  metrics: Pick<Metrics, 'redisUp'>;
  archive: { detail(): string };
  nodes: { readonly tooOld: string | undefined };
  /** What is to be known of webhooks, if there are any. */
  webhooks?: { detail(): string } | undefined;
}): Health {
  const { opened, metrics, archive, nodes, webhooks } = parts;
  let draining = false;

  return {
    async ready() {
      const findings = await opened.check();
      metrics.redisUp(findings.every((finding) => finding.name !== 'reach' || finding.level === 'ok'));
      const checks: HealthCheck[] = [
        { name: 'serving', ok: !draining, detail: draining ? 'about to stop' : 'yes' },
        ...findings.map(({ name, level, message, remedy }) => ({
          name,
          ok: level !== 'error',
          detail: remedy ? `${message} ${remedy}` : message,
        })),
        {
          name: 'schema',
          ok: nodes.tooOld === undefined,
          detail: nodes.tooOld ?? 'this version knows the data',
        },
        // Sessions go on whether the archive takes records or not: they wait in Redis until it does.
        { name: 'archive', ok: true, detail: archive.detail() },
        // Sessions go on whether somebody is told of them or not, so this never takes a broker out of service.
        ...(webhooks ? [{ name: 'webhooks', ok: true, detail: webhooks.detail() }] : []),
      ];
      return { ok: checks.every((check) => check.ok), checks };
    },
    drain() {
      draining = true;
    },
  };
}
