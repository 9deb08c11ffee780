import type { Socket } from 'node:net';
import type { Random } from '../random.js';
import type { Host, Scheduler } from './clock.js';
import { type End, type Packet, VirtualSocket } from './socket.js';

/** How long a packet is under way, in milliseconds: most come quickly, some do not. */
const QUICK_MS = 1;
const SLOW_MS = 20;
const SLOW_SHARE = 0.1;
const LATE_MS = 400;
const LATE_SHARE = 0.004;
/** Whom nobody hears tries again. */
const KNOCK_AGAIN_MS = 1_000;

/** Who takes connections on a machine; undefined: nobody listens. */
export type Accept = (wire: Wire) => End | undefined;

/** One direction of a connection: what is sent arrives in its order, or not at all. */
class Way {
  readonly to: End;
  lastAt = 0;
  /** What waits for the end of a partition. */
  readonly held: Packet[] = [];

  constructor(to: End) {
    this.to = to;
  }
}

/** A connection between two machines. */
export class Wire {
  readonly id: number;
  readonly from: Host;
  readonly target: Host;
  isCut = false;
  /** The next thing that is sent in this direction is lost, and the connection with it. */
  losesNext: 'request' | 'answer' | undefined;
  readonly #network: Network;
  #there: Way | undefined;
  #back: Way | undefined;

  constructor(network: Network, id: number, from: Host, target: Host) {
    this.#network = network;
    this.id = id;
    this.from = from;
    this.target = target;
  }

  connect(from: End, target: End): void {
    this.#there = new Way(target);
    this.#back = new Way(from);
  }

  /** Sends something from one side to the other. */
  send(from: End, packet: Packet): void {
    const way = this.#there?.to === from ? this.#back : this.#there;
    if (!way || this.isCut) return;
    if (packet.kind === 'bytes' && this.losesNext === (way === this.#there ? 'request' : 'answer')) {
      this.losesNext = undefined;
      this.cut();
      return;
    }
    if (this.#network.isApart(this.from, this.target)) way.held.push(packet);
    else this.#carry(way, packet);
  }

  /** What was held up goes on. */
  release(): void {
    for (const way of [this.#there, this.#back]) {
      for (const packet of way?.held.splice(0) ?? []) if (way) this.#carry(way, packet);
    }
  }

  /** Both sides hear of it, as soon as they can. */
  cut(): void {
    if (this.isCut) return;
    this.isCut = true;
    this.#network.forget(this);
    for (const way of [this.#there, this.#back]) {
      if (way) this.#network.after(this.#network.delayMs(), () => way.to.reset(), way.to.host);
    }
  }

  /** A machine is gone. The other side hears of it, or not. */
  abandon(dead: Host, isSilent: boolean): void {
    this.isCut = true;
    this.#network.forget(this);
    const end = this.from === dead ? this.#there?.to : this.#back?.to;
    if (end && !isSilent) this.#network.after(this.#network.delayMs(), () => end.reset(), end.host);
  }

  #carry(way: Way, packet: Packet): void {
    const { now } = this.#network;
    way.lastAt = Math.max(way.lastAt, now + this.#network.delayMs());
    this.#network.after(
      way.lastAt - now,
      () => {
        if (this.isCut) return;
        if (packet.kind === 'bytes') way.to.bytes(packet.chunk);
        else if (packet.kind === 'end') way.to.ended();
        else {
          this.isCut = true;
          this.#network.forget(this);
          way.to.reset();
        }
      },
      way.to.host,
    );
  }
}

/** The machines and what is between them. Each connection has its own delays, so that connections overtake each other. */
export class Network {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #hosts = new Map<string, { readonly host: Host; readonly accept: Accept }>();
  readonly #wires = new Set<Wire>();
  readonly #apart = new Set<string>();
  #ids = 0;
  /** Which machine a name stands for. */
  resolve: (name: string) => string = (name) => name;

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler;
    this.#random = random;
  }

  get now(): number {
    return this.#scheduler.now;
  }

  after(ms: number, run: () => void, host: Host): void {
    this.#scheduler.after(ms, run, host);
  }

  delayMs(): number {
    const kind = this.#random.next();
    const most = kind < LATE_SHARE ? LATE_MS : kind < SLOW_SHARE ? SLOW_MS : QUICK_MS;
    return 0.05 + this.#random.next() * most;
  }

  /** Somebody listens on a machine from now on. */
  listen(host: Host, accept: Accept): void {
    this.#hosts.set(host.name, { host, accept });
  }

  hush(host: Host): void {
    this.#hosts.delete(host.name);
  }

  forget(wire: Wire): void {
    this.#wires.delete(wire);
  }

  wiresOf(host: Host): Wire[] {
    return [...this.#wires].filter(({ from, target }) => from === host || target === host);
  }

  wiresBetween(one: Host, other: Host): Wire[] {
    return this.wiresOf(one).filter(({ from, target }) => from === other || target === other);
  }

  isApart(one: Host, other: Host): boolean {
    return this.#apart.has(`${one.name} ${other.name}`) || this.#apart.has(`${other.name} ${one.name}`);
  }

  part(one: Host, other: Host): void {
    this.#apart.add(`${one.name} ${other.name}`);
  }

  join(one: Host, other: Host): void {
    this.#apart.delete(`${one.name} ${other.name}`);
    for (const wire of this.wiresBetween(one, other)) wire.release();
  }

  /** A machine dies. `isSilent`: nobody is told, as when its power is gone. */
  kill(host: Host, isSilent: boolean): void {
    this.hush(host);
    for (const wire of this.wiresOf(host)) wire.abandon(host, isSilent);
  }

  /** Dials: the socket connects, or fails, after a while. */
  dial(asked: string): Socket {
    const name = this.resolve(asked);
    this.#ids += 1;
    const from = this.#scheduler.current;
    const socket = new VirtualSocket(from, name);
    const attempt = (): void => {
      const target = this.#hosts.get(name);
      if (socket.destroyed) return;
      if (target && this.isApart(from, target.host)) {
        this.after(KNOCK_AGAIN_MS, attempt, this.#scheduler.nobody);
        return;
      }
      const wire = target && new Wire(this, this.#ids, from, target.host);
      // The connection is taken by the other machine, in an event of its own.
      if (wire) this.after(0, () => this.#accept(wire, socket, target.accept), target.host);
      else this.after(this.delayMs(), () => socket.fail(name), from);
    };
    this.#scheduler.after(this.delayMs(), attempt, this.#scheduler.nobody);
    return socket as unknown as Socket;
  }

  #accept(wire: Wire, socket: VirtualSocket, accept: Accept): void {
    const end = accept(wire);
    if (!end) {
      this.after(this.delayMs(), () => socket.fail(wire.target.name), wire.from);
      return;
    }
    this.#wires.add(wire);
    wire.connect(socket, end);
    this.after(this.delayMs(), () => socket.begin(wire), wire.from);
  }
}
