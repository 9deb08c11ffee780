import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { loadConfig } from 'lastcall/internal/config.js';
import { parse, parseAllDocuments } from 'yaml';
import { at, COMPOSE, type Fields, KUBERNETES, misfits } from './support/manifests.js';
import { ROOT, read, readJson } from './support/sources.js';

/** What a stop may take besides sending clients away: `lastcall serve` waits for no more. */
const REST_SECONDS = 10;

const texts = (value: unknown): readonly string[] => value as readonly string[];

describe('the image', () => {
  const dockerfile = read('Dockerfile');

  it('builds in one stage and runs in another, without rights', () => {
    const stages = dockerfile.split(/^FROM /m).slice(1);
    const last = stages.at(-1) ?? '';
    expect(stages).to.have.length.greaterThan(1);
    expect(last).to.match(/^USER node$/m);
    expect(last).not.to.match(/^RUN npm|^COPY \. /m);
    expect(last).to.match(/^ENV NODE_ENV=production/m);
    expect(last).to.include('/readyz');
    const from = [...last.matchAll(/^COPY --from=\w+ \/app\/(?<path>\S+)/gm)].map(
      ({ groups = {} }) => groups['path'] ?? '',
    );
    for (const file of ['shared/dist', 'server/dist', 'server/lua', 'server/bin', 'node_modules']) {
      expect(from).to.include(file);
    }
  });

  it('gives the installation every workspace of the lock file', () => {
    const { workspaces } = readJson('package.json') as { workspaces: readonly string[] };
    for (const folder of workspaces) expect(dockerfile).to.include(`COPY ${folder}/package.json ${folder}/`);
  });
});

describe('the deployment with compose', () => {
  const compose = parse(read('docker-compose.yml'), { merge: true }) as Fields;
  const service = (name: string): Fields => at(compose, `services.${name}`) as Fields;

  it('[N9] is two brokers, their Redis and a balancer, in fields that there are', () => {
    expect(misfits(compose, COMPOSE)).to.deep.equal([]);
    expect(at(compose, 'services')).to.have.keys('redis', 'broker-a', 'broker-b', 'balancer');
    for (const name of ['redis', 'broker-a', 'broker-b', 'balancer']) {
      expect(service(name), name).to.include({ restart: 'unless-stopped', read_only: true });
      expect(service(name)['cap_drop']).to.deep.equal(['ALL']);
      for (const volume of texts(service(name)['volumes'] ?? [])) {
        const [source = ''] = volume.split(':');
        const isThere = source.startsWith('./')
          ? existsSync(`${ROOT}${source.slice(2)}`)
          : Object.hasOwn(at(compose, 'volumes') as Fields, source);
        expect(isThere, volume).to.equal(true);
      }
      for (const secret of texts(service(name)['secrets'] ?? [])) {
        expect(at(compose, 'secrets')).to.include.keys(secret);
      }
    }
  });

  it('would be found out if a field were misspelt', () => {
    const wrong = { services: { redis: { imagee: 'redis:7', read_only: 'yes', ports: '1' } } };
    expect(misfits(wrong, COMPOSE)).to.deep.equal([
      '.services.redis.imagee is not known',
      '.services.redis.read_only is no flag',
      '.services.redis.ports is no list',
    ]);
  });

  it('[A5] [N9] runs a Redis that keeps what it has, for one user with few rights', () => {
    const { command, image, healthcheck } = service('redis');
    const words = texts(command).join(' ');
    expect(image).to.match(/^redis:[7-9]/);
    for (const setting of [
      '--appendonly yes',
      '--appendfsync everysec',
      '--maxmemory-policy noeviction',
      '--aclfile /run/lastcall/users.acl',
      'sed "s/PASSWORD/$$(cat /run/secrets/redis_password)/" /etc/lastcall/users.acl.template',
    ]) {
      expect(words).to.include(setting);
    }
    expect(texts(at(healthcheck, 'test')).join(' ')).to.include('--user lastcall');
  });

  it('[N4] [N9] runs two equal brokers that wait for Redis, have their secrets from files and time to stop', () => {
    const broker = service('broker-a');
    expect(service('broker-b')).to.deep.equal(broker);
    const environment = broker['environment'] as Readonly<Record<string, string>>;
    const secrets = texts(broker['secrets']);
    expect(secrets).to.have.members(['jwt_secret', 'redis_url']);
    expect(environment).to.include({
      LASTCALL_REDIS_URL_FILE: '/run/secrets/redis_url',
      LASTCALL_JWT_SECRET_FILE: '/run/secrets/jwt_secret',
    });
    expect(broker['depends_on']).to.deep.equal({ redis: { condition: 'service_healthy' } });
    expect(texts(at(broker, 'healthcheck.test')).join(' ')).to.include('/readyz');
    expect(broker).to.include({ init: true });
    expect(broker['volumes'], 'where the audit archive is').to.deep.equal(['broker-data:/data']);
    expect(broker).not.to.include.keys('ports');
    const stopSeconds = Number.parseInt(String(broker['stop_grace_period']), 10);
    expect(stopSeconds).to.be.greaterThan(Number(environment['LASTCALL_DRAIN_MS']) / 1_000 + REST_SECONDS);
  });

  it('[N9] puts the shipped balancer before them, on this machine only', () => {
    const { environment, ports, depends_on: waits } = service('balancer');
    const config = read('deploy/haproxy.cfg');
    for (const name of Object.keys(environment as Fields)) expect(config).to.include(`"\${${name}}"`);
    expect(environment).to.include({ LASTCALL_NODE_A: 'broker-a:4600', LASTCALL_NODE_B: 'broker-b:4600' });
    expect(ports).to.deep.equal(['127.0.0.1:8080:8080']);
    expect(waits).to.have.keys('broker-a', 'broker-b');
  });

  it('keeps the secrets out of the repository and out of the image', () => {
    for (const { file } of Object.values(at(compose, 'secrets') as Record<string, { file: string }>)) {
      const name = file.replace('./', '');
      expect(read('.gitignore').split('\n')).to.include(name);
      expect(read('.dockerignore').split('\n')).to.include(name);
    }
  });
});

describe('the deployment on Kubernetes', () => {
  const documents = parseAllDocuments(read('deploy/kubernetes/lastcall.yaml')).map(
    (document) => document.toJS() as Fields,
  );
  const kindOf = (document: Fields): string =>
    `${String(document['apiVersion'])} ${String(document['kind'])}`;
  const find = (kind: string): Fields => documents.find((document) => document['kind'] === kind) as Fields;
  const deployment = find('Deployment');
  const pod = at(deployment, 'spec.template.spec');
  const broker = at(pod, 'containers.0');
  const settings = Object.fromEntries(
    (at(broker, 'env') as { name: string; value: string }[]).map(({ name, value }) => [name, value]),
  );

  it('[N9] is of kinds and fields that there are, each selecting the same pods', () => {
    expect(documents.map(kindOf)).to.have.members(Object.keys(KUBERNETES));
    expect(
      documents.flatMap((document) => misfits(document, KUBERNETES[kindOf(document)] ?? {})),
    ).to.deep.equal([]);
    const labels = at(deployment, 'spec.template.metadata.labels');
    for (const selector of [
      at(deployment, 'spec.selector.matchLabels'),
      at(find('Service'), 'spec.selector'),
      at(find('PodDisruptionBudget'), 'spec.selector.matchLabels'),
      at(find('NetworkPolicy'), 'spec.podSelector.matchLabels'),
    ]) {
      expect(selector).to.deep.equal(labels);
    }
    expect(at(find('Service'), 'spec.ports.0.targetPort')).to.equal(at(broker, 'ports.0.name'));
    expect(at(find('NetworkPolicy'), 'spec.ingress.0.ports.0.port')).to.equal(
      at(broker, 'ports.0.containerPort'),
    );
  });

  it('[N9] gives the broker settings it takes, secrets from files, and no rights', () => {
    const { LASTCALL_REDIS_URL_FILE: url, LASTCALL_JWT_SECRET_FILE: secret, ...plain } = settings;
    const folder = at(broker, 'volumeMounts.0.mountPath');
    expect([url, secret]).to.deep.equal([`${String(folder)}/redis-url`, `${String(folder)}/jwt-secret`]);
    const env = { ...plain, LASTCALL_REDIS_URL: 'redis://localhost', LASTCALL_JWT_SECRET: 'x'.repeat(32) };
    expect(loadConfig({ env })).to.include({ trustProxy: 1 });
    expect(at(pod, 'securityContext')).to.deep.include({ runAsNonRoot: true });
    expect(at(broker, 'volumeMounts.1'), 'where the audit archive is').to.deep.equal({
      name: 'data',
      mountPath: '/data',
    });
    const claim = at(find('PersistentVolumeClaim'), 'metadata.name');
    expect(at(pod, 'volumes.1.persistentVolumeClaim.claimName')).to.equal(claim);
    expect(at(find('PersistentVolumeClaim'), 'spec.accessModes'), 'one for all brokers').to.deep.equal([
      'ReadWriteMany',
    ]);
    expect(at(broker, 'securityContext')).to.deep.equal({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('[N4] [N9] replaces one after the other, each with the time it needs to send its clients away', () => {
    expect(at(deployment, 'spec.replicas')).to.equal(2);
    expect(at(deployment, 'spec.strategy.rollingUpdate')).to.deep.equal({ maxUnavailable: 0, maxSurge: 1 });
    expect(at(broker, 'readinessProbe.httpGet.path')).to.equal('/readyz');
    expect(at(broker, 'livenessProbe.httpGet.path')).to.equal('/livez');
    const [, waitSeconds = ''] = texts(at(broker, 'lifecycle.preStop.exec.command'));
    const needed = Number(waitSeconds) + Number(settings['LASTCALL_DRAIN_MS']) / 1_000 + REST_SECONDS;
    expect(at(pod, 'terminationGracePeriodSeconds')).to.be.greaterThan(needed);
  });
});
