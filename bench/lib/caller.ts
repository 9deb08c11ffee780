import { readPacket } from './packets.js';
import { RawClient, type RawClientOptions } from './raw-client.js';

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

export interface CallerListeners {
  /** Gets what the server pushes; `acknowledge` answers it. */
  readonly onEvent?: (event: string, payload: unknown, acknowledge: () => void) => void;
  /** Called when the server ends the connection. */
  readonly onClose?: () => void;
}

/** A raw client that calls and is answered: for everything but heartbeats, whose load must cost next to nothing. */
export class Caller {
  readonly #client: RawClient;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #closed = false;

  private constructor(client: RawClient, { onEvent, onClose }: CallerListeners) {
    this.#client = client;
    client.onPacket = (bytes, from, to) => {
      const packet = readPacket(bytes, from, to);
      if (packet.type === 'ack') {
        this.#waiting.get(packet.id)?.resolve(packet.answer);
        this.#waiting.delete(packet.id);
      } else if (packet.type === 'event') {
        const { id, event, payload } = packet;
        onEvent?.(event, payload, () => {
          if (id !== undefined) client.send('ack', id, [{}]);
        });
      }
    };
    client.onClose = () => {
      this.#closed = true;
      for (const { reject } of this.#waiting.values()) reject(new Error('the server closed the connection'));
      this.#waiting.clear();
      onClose?.();
    };
  }

  static async open(options: RawClientOptions, listeners: CallerListeners = {}): Promise<Caller> {
    return new Caller(await RawClient.open(options), listeners);
  }

  /** Sends an event and resolves with its answer. @throws Error when it is refused or the connection ends */
  async call<T extends object>(event: string, payload: object): Promise<T> {
    if (this.#closed) throw new Error(`the connection was closed before ${event}`);
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = await new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#client.send('event', id, [event, payload]);
    });
    if ((answer as { ok?: boolean }).ok === true) return answer as T;
    throw new Error(`${event} was refused: ${JSON.stringify(answer)}`);
  }

  /** Sends an event that is not to be answered. */
  tell(event: string, payload: object): void {
    if (!this.#closed) this.#client.send('event', undefined, [event, payload]);
  }

  close(): void {
    this.#closed = true;
    this.#client.close();
  }
}
