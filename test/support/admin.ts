import { ADMIN_NAMESPACE, type AdminPush, type AdminPushes, type WireError } from '@lastcall/shared';
import { io, type Socket } from 'socket.io-client';
import { waitUntil } from './wait.js';

/** An administrator's page without the page. */
export class TestAdmin {
  readonly socket: Socket;
  readonly pushes: { event: string; payload: unknown }[] = [];
  error: WireError | undefined;

  constructor(url: string, auth: object) {
    this.socket = io(`${url}${ADMIN_NAMESPACE}`, {
      auth,
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
    });
    this.socket.onAny((event: string, payload: unknown) => {
      this.pushes.push({ event, payload });
    });
    this.socket.on('connect_error', (error: Error & { data?: WireError }) => {
      this.error = error.data;
    });
  }

  all<E extends AdminPush>(event: E): AdminPushes[E][] {
    return this.pushes.filter((push) => push.event === event).map((push) => push.payload as AdminPushes[E]);
  }

  async saw<E extends AdminPush>(event: E, wanted: (payload: AdminPushes[E]) => boolean = () => true) {
    await waitUntil(() => this.all(event).some(wanted), `the push ${event}`);
    return this.all(event).find(wanted) as AdminPushes[E];
  }
}
