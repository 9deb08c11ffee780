import type { Attachment } from 'lastcall/internal/attachments.js';
import type { Core } from 'lastcall/internal/core.js';
import { inParallel } from '../lib/pool.js';
import { giveLongLeases, openAttachment, openCore } from '../lib/registry.js';
import { serve } from '../lib/worker.js';

/** The sessions of one tenant, and something that changes of them so many times a second. */

const AT_ONCE = 32;
const TURN_MS = 20;

let core: Core | undefined;
let attachments: Attachment[] = [];
let timer: NodeJS.Timeout | undefined;
let changed = 0;
let startedAt = 0;

/** Another view, or unsaved work, of the next session: what people's heartbeats tell all day. */
function changeOne(): void {
  const attachment = attachments[(changed * 7_919) % attachments.length];
  changed += 1;
  if (!attachment || !core) return;
  const change = { view: `invoices/${changed % 9_973}`, dirty: changed % 3 === 0 };
  core.sessions.change(attachment, change).catch(() => undefined);
}

const methods = {
  async open({
    redisUrl,
    tenant,
    count,
  }: {
    redisUrl: string;
    tenant: string;
    count: number;
  }): Promise<void> {
    const to = await openCore(redisUrl);
    core = to;
    await giveLongLeases(to, tenant);
    attachments = await inParallel(count, AT_ONCE, (i) =>
      openAttachment(to, tenant, `user-${String(i).padStart(5, '0')}`),
    );
    for (const _ of attachments) to.bus.unfollow(tenant);
  },
  begin({ perSecond }: { perSecond: number }): void {
    startedAt = performance.now();
    changed = 0;
    timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond);
      while (changed < due) changeOne();
    }, TURN_MS);
  },
  /** Answers how many changes a second there were. */
  end(): number {
    clearInterval(timer);
    return (changed * 1_000) / (performance.now() - startedAt);
  },
};

export type Changes = typeof methods;
serve(methods);
