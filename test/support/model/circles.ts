import type { ModelSession } from './facts.js';
import type { Link, Wait } from './held.js';
import { Queues } from './queues.js';

/** Who waits for whom (L20). */
export class Circles extends Queues {
  /**
   * L20: whether a wait would close a circle. `old`: there is one that does not need this wait, so that who is asked
   * now may be told of it or not: what was there before was let in by something that ends by itself.
   */
  circle(wait: Wait): 'none' | 'old' | 'new' {
    const { session } = wait;
    const targets = (from: ModelSession, line: readonly Wait[]): Set<ModelSession> =>
      new Set(line.filter((one) => one.session === from).flatMap((one) => this.#waitsFor(one, line)));
    const ways: { at: ModelSession; isNew: boolean }[] = [{ at: session, isNew: false }];
    const seen = new Set<string>();
    let found: 'none' | 'old' = 'none';
    for (let way = ways.pop(); way; way = ways.pop()) {
      const before = targets(way.at, this.waits);
      for (const to of targets(way.at, [...this.waits, wait])) {
        const isNew = way.isNew || !before.has(to);
        if (to === session && isNew) return 'new';
        if (to === session) found = 'old';
        const key = `${to.name} ${isNew}`;
        if (to === session || seen.has(key)) continue;
        seen.add(key);
        ways.push({ at: to, isNew });
      }
    }
    return found;
  }

  /** Whom a session waits for by one request. Whoever takes over does not: its time is up by itself. */
  #waitsFor(wait: Wait, line: readonly Wait[]): ModelSession[] {
    if (wait.kind === 'takeover') return [];
    const { session, ticket } = wait;
    return [...this.against(wait, session), ...this.older(wait, session, ticket, line)].map(
      (one) => one.session,
    );
  }

  /** Whether each one there waits for what the next one has, or is before it in line for, beginning with who asks. */
  isCircle(told: readonly Link[], wait: Wait): boolean {
    const line = [...this.waits, wait];
    const isLink = ({ session, resource }: Link, next: string): boolean =>
      line.some(
        (one) =>
          one.session.name === session &&
          one.resource === resource &&
          this.#waitsFor(one, line).some(({ name }) => name === next),
      );
    const names = told.map(({ session }) => session);
    const [first = ''] = names;
    return first === wait.session.name && told.every((link, i) => isLink(link, names[i + 1] ?? first));
  }
}
