/** Lastcall for Node applications: start a broker, or put one into an HTTP or Socket.IO server that is already there. */
export { mintToken, type TokenClaims } from './auth/index.js';
export { type Broker, type BrokerOptions, createBroker } from './broker.js';
export { type Config, ConfigError, loadConfig } from './config.js';
export type { Health, HealthCheck, Readiness } from './health.js';
export { createLogger, type Logger } from './log.js';
export { VERSION } from './version.js';
