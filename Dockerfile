# A broker for production: compiled in one stage, run by an unprivileged account in another. Nothing is written at run time
# except to LASTCALL_DATA_DIR, which holds the audit archive and the data of the embedded engine: mount it, and the container
# may be read-only.

FROM node:22-bookworm-slim AS manifests
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY shared/package.json shared/
COPY client-sdk/package.json client-sdk/
COPY server/package.json server/
COPY demo/package.json demo/
COPY console/package.json console/
COPY test/package.json test/
COPY bench/package.json bench/
COPY examples/package.json examples/

FROM manifests AS build
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.base.json ./
COPY shared shared
COPY server server
COPY console console
RUN npx tsc -b server && npm run --silent bundle --workspace=lastcall --workspace=@lastcall/console

FROM manifests AS dependencies
RUN npm ci --ignore-scripts --omit=dev --workspace=lastcall --no-audit --no-fund

FROM node:22-bookworm-slim
ENV NODE_ENV=production \
    LASTCALL_DATA_DIR=/data
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/shared/package.json shared/package.json
COPY --from=build /app/shared/dist shared/dist
COPY --from=build /app/server/package.json server/package.json
COPY --from=build /app/server/bin server/bin
COPY --from=build /app/server/lua server/lua
COPY --from=build /app/server/dist server/dist
RUN mkdir /data && chown node:node /data && chmod 700 /data
USER node
VOLUME /data
EXPOSE 4600
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:4600/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "server/bin/lastcall.js"]
CMD ["serve"]
