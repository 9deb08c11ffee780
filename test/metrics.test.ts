import { expect } from 'chai';
import { createMetrics } from 'lastcall/internal/metrics.js';

describe('metrics', () => {
  it('exposes what a session broker is watched by, with no name of a person', async () => {
    const metrics = createMetrics();
    metrics.sessions(3);
    metrics.sessions(2);
    metrics.heartbeats([2, 3]);
    metrics.script('session_beat', 0.4);
    metrics.orderCreated('logoff');
    metrics.logoff('admin', true);
    metrics.lock('granted');
    metrics.handshakeRefused('token_expired');
    metrics.redisUp(true);
    metrics.webhook('delivered');
    metrics.webhooksLost(3);
    metrics.webhookLag(12, 1_500);
    const { contentType, body } = await metrics.expose();
    expect(contentType).to.match(/^text\/plain/);
    for (const line of [
      'lastcall_sessions 2',
      'lastcall_heartbeats_total 2',
      'lastcall_heartbeat_duration_seconds_sum 0.005',
      'lastcall_heartbeat_batch_size_bucket{le="2"} 1',
      'lastcall_script_duration_seconds_bucket{le="0.0005",script="session_beat"} 1',
      'lastcall_orders_created_total{action="logoff"} 1',
      'lastcall_logoffs_total{reason="admin",answered="true"} 1',
      'lastcall_lock_requests_total{result="granted"} 1',
      'lastcall_handshakes_refused_total{code="token_expired"} 1',
      'lastcall_redis_up 1',
      'lastcall_webhook_attempts_total{result="delivered"} 1',
      'lastcall_webhook_lost_records_total 3',
      'lastcall_webhook_lag_records 12',
      'lastcall_webhook_lag_seconds 1.5',
    ]) {
      expect(body.split('\n')).to.include(line);
    }
    expect(body).to.match(/nodejs_eventloop_lag/);
  });

  it('keeps the metrics of two brokers in one process apart', async () => {
    const [one, two] = [createMetrics(), createMetrics()];
    one.lock('denied');
    expect((await two.expose()).body).not.to.include('result="denied"');
  });
});
