import { ADMIN_NAMESPACE, CLIENT_NAMESPACE } from '@lastcall/shared';
import { CLIENT_CALLS } from '../schema/answers.js';
import { CLIENT_PAYLOADS } from '../schema/client.js';
import { wireErrorSchema } from '../schema/error.js';
import { adminHandshakeSchema, handshakeSchema } from '../schema/handshake.js';
import { ADMIN_PUSHES, CLIENT_PUSHES } from '../schema/pushes.js';
import { VERSION } from '../version.js';
import { Components, nameOf } from './openapi-schemas.js';

type Ref = { readonly $ref: string };
type Schema = Parameters<Components['add']>[0];

/** A message of a channel: an event of Socket.IO with its payload, or an acknowledgement of one. */
interface Message {
  readonly name: string;
  readonly title: string;
  readonly summary?: string;
  readonly payload: object;
  readonly examples?: readonly { readonly name: string; readonly payload: object }[];
}

interface Operation {
  readonly action: 'send' | 'receive';
  readonly channel: Ref;
  readonly summary: string;
  readonly messages: readonly Ref[];
  readonly reply?: { readonly channel: Ref; readonly messages: readonly Ref[] };
}

const DESCRIPTION = `The channels of Lastcall over Socket.IO: the client channel of applications, and the admin channel of
administrators' pages. The broker is what is described: it receives what clients send, and sends what it pushes.

A connection names its namespace and gives the payload of \`connect\` as \`auth\`; it is answered with \`welcome\` or \`snapshot\`, or
refused with an error as the \`data\` of \`connect_error\`. Every event a client sends takes an acknowledgement: \`{ ok: true, … }\` or
\`{ ok: false, error }\`. Durations are milliseconds and end in \`Ms\`; instants are epoch milliseconds and end in \`At\`.`;

/** Keys of the document have no colons. */
const keyOf = (event: string): string => event.replaceAll(':', '.');

/** One channel while it is put together. */
class Channel {
  readonly messages: Record<string, Message> = {};
  readonly operations: Record<string, Operation> = {};
  readonly #id: string;
  readonly #components: Components;
  readonly #suffix: string;

  constructor(id: 'client' | 'admin', components: Components) {
    this.#id = id;
    this.#components = components;
    this.#suffix = id === 'client' ? '' : 'Admin';
  }

  get #ref(): Ref {
    return { $ref: `#/channels/${this.#id}` };
  }

  message(name: string, payload: object, more: Partial<Message> = {}): Ref {
    const key = keyOf(name);
    this.messages[key] = { name, title: name, ...more, payload };
    return { $ref: `${this.#ref.$ref}/messages/${key}` };
  }

  /** The name of a component for an event of this channel. */
  add(schema: Schema, event: string, suffix: string): Ref {
    return this.#components.add(schema, nameOf(event, `${this.#suffix}${suffix}`));
  }

  operation(
    name: string,
    operation: Omit<Operation, 'channel' | 'messages' | 'reply'>,
    message: Ref,
    replies: readonly Ref[] = [],
  ): void {
    const channel = this.#ref;
    const reply = replies.length === 0 ? {} : { reply: { channel, messages: replies } };
    this.operations[`${this.#id}.${keyOf(name)}`] = { ...operation, channel, messages: [message], ...reply };
  }

  /** The handshake, and what it is answered with. */
  connect(schema: Schema, first: 'welcome' | 'snapshot', error: Ref): void {
    const summary = 'Signs in: the `auth` of the Socket.IO handshake.';
    const sent = this.message('connect', this.add(schema, 'connect', 'Auth'), { summary });
    const refused = this.message('connect_error', error, { summary: 'Why not: the `data` of the error.' });
    const welcome = { $ref: `${this.#ref.$ref}/messages/${first}` };
    this.operation('connect', { action: 'receive', summary }, sent, [welcome, refused]);
  }

  push(event: string, { summary, payload, acknowledged }: PushRow): void {
    const sent = this.message(event, this.add(payload, event, 'Push'), { summary });
    const replies =
      acknowledged === undefined
        ? []
        : [this.message(`${event}.acknowledged`, { type: 'object' }, { summary: acknowledged })];
    this.operation(event, { action: 'send', summary }, sent, replies);
  }
}

interface PushRow {
  readonly summary: string;
  readonly payload: Schema;
  readonly acknowledged?: string;
}

/** An acknowledgement: the answer, or an error. */
function answered(answer: Ref, error: Ref): object {
  const accepted = { type: 'object', properties: { ok: { const: true } }, required: ['ok'] };
  const refused = { type: 'object', properties: { ok: { const: false }, error }, required: ['ok', 'error'] };
  return { oneOf: [{ allOf: [accepted, answer] }, refused] };
}

function clientChannel(components: Components, error: Ref): Channel {
  const channel = new Channel('client', components);
  for (const event of Object.keys(CLIENT_CALLS) as (keyof typeof CLIENT_CALLS)[]) {
    const { summary, answer, example } = CLIENT_CALLS[event];
    const sent = channel.message(event, channel.add(CLIENT_PAYLOADS[event], event, 'Call'), {
      summary,
      examples: [{ name: event.replace(':', '-'), payload: example }],
    });
    const reply = channel.message(`${event}.answer`, answered(channel.add(answer, event, 'Answer'), error));
    channel.operation(event, { action: 'receive', summary }, sent, [reply]);
  }
  for (const [event, row] of Object.entries(CLIENT_PUSHES)) channel.push(event, row);
  channel.connect(handshakeSchema, 'welcome', error);
  return channel;
}

function adminChannel(components: Components, error: Ref): Channel {
  const channel = new Channel('admin', components);
  for (const [event, row] of Object.entries(ADMIN_PUSHES)) channel.push(event, row);
  channel.connect(adminHandshakeSchema, 'snapshot', error);
  return channel;
}

/** The AsyncAPI 3.0 document of both channels, made from the rows of their events. */
export function buildAsyncApi() {
  const components = new Components();
  const error = components.add(wireErrorSchema, 'Error');
  const [client, admin] = [clientChannel(components, error), adminChannel(components, error)];
  const servers = [{ $ref: '#/servers/broker' }];
  return {
    asyncapi: '3.0.0',
    info: { title: 'Lastcall', version: VERSION, description: DESCRIPTION, license: { name: 'MIT' } },
    defaultContentType: 'application/json',
    servers: {
      broker: {
        host: '{host}',
        pathname: '/socket.io/',
        protocol: 'wss',
        description: 'Socket.IO 4 over WebSocket alone (Engine.IO 4).',
        variables: { host: { default: '127.0.0.1:4600', description: 'Where a broker is.' } },
      },
    },
    channels: {
      client: {
        address: CLIENT_NAMESPACE,
        title: 'The client channel',
        servers,
        messages: client.messages,
      },
      admin: { address: ADMIN_NAMESPACE, title: 'The admin channel', servers, messages: admin.messages },
    },
    operations: { ...client.operations, ...admin.operations },
    components: { schemas: components.schemas() },
  };
}
