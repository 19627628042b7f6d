# Node 24, slim: another image by --build-arg NODE_IMAGE=…
ARG NODE_IMAGE=node:24-slim

# On the builder's own platform: what it makes is JavaScript, the same for all.
FROM --platform=${BUILDPLATFORM} ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY scripts scripts
ARG REVISION
RUN REVISION="${REVISION}" npm run build && npm prune --omit=dev
# What packages bring along and nobody loads, which is more than half of them. Licenses stay.
RUN find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) -delete && \
    find node_modules -type d \( -name test -o -name tests -o -name examples -o -name benchmarks \) -prune \
      -exec rm -r {} + && \
    find node_modules/swagger-ui-dist -type f ! -name package.json ! -name 'LICENSE*' ! -name NOTICE \
      ! -name swagger-ui.css ! -name swagger-ui-bundle.js ! -name swagger-ui-bundle.js.LICENSE.txt \
      ! -name favicon-32x32.png -delete

FROM ${NODE_IMAGE}
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="cassandra-messenger" \
      org.opencontainers.image.description="A messenger's backend on Apache Cassandra" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# What runs installs nothing: package managers are only what an intruder or a scanner would find.
RUN rm -rf /usr/local/lib/node_modules /opt/yarn-* \
      /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg
# A container is called at its own address, not at 127.0.0.1.
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY cql cql
# By number, so that a cluster that allows no root can see it.
USER 1000:1000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8000}/livez`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node itself, so that it gets the signals.
CMD ["node", "dist/src/main.node.js"]
