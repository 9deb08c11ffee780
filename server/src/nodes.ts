import type { Node } from '@lastcall/shared';
import type { StoreClock } from './clock.js';
import { REGISTRY } from './redis/keys.js';
import { listOf, type Store } from './redis/store.js';

/** How often a node says that it is there. */
export const NODE_BEAT_MS = 1_000;
/** After this silence a node counts as gone; below `flushMs` + 2 s, so that a dead node spoils no verification. */
const LAPSE_MS = 5_000;
const FORGET_MS = 3_600_000;
/**
 * How what stands in Redis is to be read: raised when an older version could not live with it any more. Record types
 * and fields that are only added do not count: whoever does not know them passes them over.
 */
export const SCHEMA = 1;

interface Facts {
  readonly startedAt: number;
  readonly sessions: number;
  readonly version: string;
}

interface Answer {
  readonly now: number;
  readonly schema: number;
  readonly nodes: readonly { id: string; seenAt: number; facts: string }[];
}

/** The broker processes: this one says that it is alive and learns who else is. */
export class Nodes {
  readonly id: string;
  readonly #store: Store;
  readonly #clock: StoreClock;
  readonly #version: string;
  readonly #countSessions: () => number;
  #startedAt = 0;
  #alive: readonly Node[] = [];
  #schema = SCHEMA;

  constructor(
    store: Store,
    clock: StoreClock,
    self: { id: string; version: string; sessions: () => number },
  ) {
    this.id = self.id;
    this.#store = store;
    this.#clock = clock;
    this.#version = self.version;
    this.#countSessions = self.sessions;
  }

  /** Says that this node is there, or that it leaves. */
  async beat(leaving = false): Promise<void> {
    const facts: Facts = {
      startedAt: this.#startedAt,
      sessions: this.#countSessions(),
      version: this.#version,
    };
    const args = [this.id, JSON.stringify(facts), LAPSE_MS, FORGET_MS, leaving ? '1' : '0', SCHEMA];
    const answer = await this.#store.run<Answer>('node_beat', REGISTRY, args);
    this.#clock.observe(answer.now);
    this.#startedAt ||= answer.now;
    this.#schema = answer.schema;
    this.#alive = listOf(answer.nodes).map(({ id, seenAt, facts: text }) => {
      // Named one by one: a newer version may say more of itself.
      const { startedAt, sessions, version } = JSON.parse(text) as Facts;
      return { id, seenAt, startedAt, sessions, version };
    });
  }

  /** What is to be done if a newer version has changed what stands in Redis so that this one cannot read it. */
  get tooOld(): string | undefined {
    if (this.#schema <= SCHEMA) return undefined;
    return (
      `A newer version keeps its data in this Redis (schema ${this.#schema}; this one, ${this.#version}, knows ` +
      `${SCHEMA}). Upgrade this broker, or give it a Redis of its own.`
    );
  }

  /** Whether all nodes that are alive, as of the last beat, are of this version. */
  get areAlike(): boolean {
    return this.#alive.every(({ version }) => version === this.#version);
  }

  /** The nodes that are alive, as of the last beat. */
  list(): readonly Node[] {
    return this.#alive;
  }

  /** Their ids, as scripts take them: sockets of other nodes count as gone. This node is always among them. */
  aliveJson(): string {
    const ids = new Set(this.#alive.map((node) => node.id));
    ids.add(this.id);
    return JSON.stringify([...ids]);
  }
}
