import { createClient, type LockHandle, type Snapshot } from '@lastcall/client';

/** An application with the SDK, alone in its process: does what it is told and reports what its snapshot says. */

export interface ClientStart {
  readonly url: string;
  readonly token: string;
  /** How long its work takes to be saved; without it nothing is saved. */
  readonly saveMs?: number;
}

export interface ClientView
  extends Pick<Snapshot, 'status' | 'state' | 'ended' | 'locks' | 'warnings' | 'waiting'> {
  readonly sessionId?: string | undefined;
  readonly error?: string | undefined;
}

export type ClientCommand =
  | { readonly verb: 'lock'; readonly resource: string; readonly waitMs?: number }
  | { readonly verb: 'release'; readonly resource: string }
  | { readonly verb: 'dirty'; readonly dirty: boolean }
  /** A request to the application's own back end under a lock that was once granted, whatever became of it. */
  | { readonly verb: 'send'; readonly method: string; readonly url: string; readonly resource: string }
  | { readonly verb: 'connect' }
  | { readonly verb: 'end' };

export type ClientReport =
  | { readonly kind: 'view'; readonly view: ClientView }
  | { readonly kind: 'answer'; readonly id: number; readonly result?: unknown; readonly error?: string };

function viewOf({ status, state, session, ended, locks, warnings, waiting, error }: Snapshot): ClientView {
  return { status, state, sessionId: session?.id, ended, locks, warnings, waiting, error: error?.code };
}

function run(start: ClientStart): void {
  const { url, token, saveMs } = start;
  const client = createClient({ url, token, logger: { warn: () => undefined } });
  const handles = new Map<string, LockHandle>();
  if (saveMs !== undefined) client.onSave(() => new Promise((resolve) => void setTimeout(resolve, saveMs)));

  async function carryOut(command: ClientCommand): Promise<unknown> {
    switch (command.verb) {
      case 'lock': {
        const { resource, waitMs } = command;
        const handle = await client.lock(resource, waitMs === undefined ? {} : { waitMs });
        handles.set(resource, handle);
        return { fence: handle.fence };
      }
      case 'release':
        return await handles.get(command.resource)?.release();
      case 'dirty':
        return client.setDirty(command.dirty);
      case 'send': {
        const { method, resource } = command;
        const response = await fetch(command.url, { method, headers: client.headers(handles.get(resource)) });
        return { status: response.status, body: await response.json() };
      }
      case 'connect':
        return (await client.connect()).sessionId;
      case 'end':
        return await client.end();
      default:
        throw new Error('no such command');
    }
  }

  const report = (message: ClientReport): void => void process.send?.(message);
  const show = (): void => report({ kind: 'view', view: viewOf(client.getSnapshot()) });
  client.subscribe(show);
  process.on('message', (message: ClientCommand & { id: number }) => {
    carryOut(message).then(
      (result) => report({ kind: 'answer', id: message.id, result }),
      (error: unknown) => report({ kind: 'answer', id: message.id, error: String(error) }),
    );
  });
  process.once('disconnect', () => process.exit(0));
  void client.connect().catch(show);
}

if (process.send) run(JSON.parse(process.argv[2] ?? '{}') as ClientStart);
