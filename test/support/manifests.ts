/** What YAML files hold, before anybody has looked at it. */
export type Fields = Readonly<Record<string, unknown>>;

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The part of a document at a path, such as `spec.template`; numbers are places in lists. */
export function at(document: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        isFields(value) ? value[name] : Array.isArray(value) ? (value as unknown[])[Number(name)] : undefined,
      document,
    );
}

/** What a document may hold: names, each with what stands below it; `true` is anything, a list is of one kind of thing. */
export type Shape = true | 'text' | 'number' | 'flag' | readonly [Shape] | { readonly [name: string]: Shape };

const KINDS = { text: 'string', number: 'number', flag: 'boolean' } as const;

/** Where a document is not of a shape: a misspelt field would be refused, or worse, be ignored. */
export function misfits(value: unknown, shape: Shape, path = ''): string[] {
  if (shape === true) return [];
  if (typeof shape === 'string') {
    return typeof value === KINDS[shape] ? [] : [`${path} is no ${shape}`];
  }
  if (Array.isArray(shape)) {
    const [of = true] = shape as readonly Shape[];
    if (!Array.isArray(value)) return [`${path} is no list`];
    return value.flatMap((item, i) => misfits(item, of, `${path}.${i}`));
  }
  if (!isFields(value)) return [`${path} is no map`];
  const fields = shape as { readonly [name: string]: Shape };
  return Object.entries(value).flatMap(([name, below]) => {
    const of = fields[name] ?? fields['*'];
    return of === undefined ? [`${path}.${name} is not known`] : misfits(below, of, `${path}.${name}`);
  });
}

const TEXTS: Shape = { '*': 'text' };
const META: Shape = { name: 'text', labels: TEXTS };
const SELECTOR: Shape = { matchLabels: TEXTS };
const PROBE: Shape = {
  httpGet: { path: 'text', port: 'text' },
  periodSeconds: 'number',
  timeoutSeconds: 'number',
  failureThreshold: 'number',
};
const PEER: Shape = { podSelector: SELECTOR, namespaceSelector: SELECTOR };
const PORTS: Shape = [{ protocol: 'text', port: 'number' }];

const CONTAINER: Shape = {
  name: 'text',
  image: 'text',
  ports: [{ name: 'text', containerPort: 'number' }],
  env: [{ name: 'text', value: 'text' }],
  startupProbe: PROBE,
  readinessProbe: PROBE,
  livenessProbe: PROBE,
  lifecycle: { preStop: { exec: { command: ['text'] } } },
  resources: { requests: TEXTS, limits: TEXTS },
  securityContext: {
    allowPrivilegeEscalation: 'flag',
    readOnlyRootFilesystem: 'flag',
    capabilities: { drop: ['text'] },
  },
  volumeMounts: [{ name: 'text', mountPath: 'text', readOnly: 'flag' }],
};

const POD: Shape = {
  automountServiceAccountToken: 'flag',
  terminationGracePeriodSeconds: 'number',
  securityContext: {
    runAsNonRoot: 'flag',
    runAsUser: 'number',
    runAsGroup: 'number',
    fsGroup: 'number',
    seccompProfile: TEXTS,
  },
  topologySpreadConstraints: [
    { maxSkew: 'number', topologyKey: 'text', whenUnsatisfiable: 'text', labelSelector: SELECTOR },
  ],
  containers: [CONTAINER],
  volumes: [
    {
      name: 'text',
      secret: { secretName: 'text', defaultMode: 'number' },
      persistentVolumeClaim: { claimName: 'text' },
    },
  ],
};

const DOCUMENT = { apiVersion: 'text', kind: 'text', metadata: META } as const;

/** The kinds of Kubernetes that are used, with the fields that are used of each. */
export const KUBERNETES: Readonly<Record<string, Shape>> = {
  'apps/v1 Deployment': {
    ...DOCUMENT,
    spec: {
      replicas: 'number',
      selector: SELECTOR,
      strategy: { type: 'text', rollingUpdate: { maxUnavailable: 'number', maxSurge: 'number' } },
      minReadySeconds: 'number',
      template: { metadata: { labels: TEXTS }, spec: POD },
    },
  },
  'v1 PersistentVolumeClaim': {
    ...DOCUMENT,
    spec: { accessModes: ['text'], resources: { requests: TEXTS } },
  },
  'v1 Service': {
    ...DOCUMENT,
    spec: { selector: TEXTS, ports: [{ name: 'text', port: 'number', targetPort: 'text' }] },
  },
  'policy/v1 PodDisruptionBudget': { ...DOCUMENT, spec: { minAvailable: 'number', selector: SELECTOR } },
  'networking.k8s.io/v1 NetworkPolicy': {
    ...DOCUMENT,
    spec: {
      podSelector: SELECTOR,
      policyTypes: ['text'],
      ingress: [{ from: [PEER], ports: PORTS }],
      egress: [{ to: [PEER], ports: PORTS }],
    },
  },
};

const SERVICE: Shape = {
  build: 'text',
  cap_drop: ['text'],
  command: ['text'],
  depends_on: { '*': { condition: 'text' } },
  environment: TEXTS,
  healthcheck: { test: ['text'], interval: 'text', timeout: 'text', retries: 'number', start_period: 'text' },
  image: 'text',
  init: 'flag',
  ports: ['text'],
  read_only: 'flag',
  restart: 'text',
  secrets: ['text'],
  security_opt: ['text'],
  stop_grace_period: 'text',
  tmpfs: ['text'],
  ulimits: { nofile: 'number' },
  user: 'text',
  volumes: ['text'],
};

/** Fields of a compose file that are used. */
export const COMPOSE: Shape = {
  'x-broker': SERVICE,
  services: { '*': SERVICE },
  secrets: { '*': { file: 'text' } },
  volumes: { '*': true },
};
