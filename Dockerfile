# The base image. For another one: --build-arg NODE_IMAGE=…
ARG NODE_IMAGE=node:24-slim

# Built on the platform of the builder: the result is JavaScript, the same for all platforms.
FROM --platform=${BUILDPLATFORM} ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY client/package.json client/
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY scripts scripts
COPY client client
COPY web web
ARG REVISION
RUN REVISION="${REVISION}" npm run build && npm prune --omit=dev && rm -f node_modules/cassandra-messenger-client
# Deletes files of packages that are never loaded: more than half of their size. Licenses stay.
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
      org.opencontainers.image.description="A messenger backend on Apache Cassandra" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The service needs no package manager at run time. Without one, the attack surface is smaller.
RUN rm -rf /usr/local/lib/node_modules /opt/yarn-* \
      /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg
# Requests arrive at the address of the container, not at 127.0.0.1.
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY cql cql
# A numeric user, so that Kubernetes can verify runAsNonRoot.
USER 1000:1000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8000}/livez`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node runs as PID 1, so it receives the signals.
CMD ["node", "dist/src/main.node.js"]
