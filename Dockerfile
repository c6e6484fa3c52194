# The wheel is built in a stage of its own; the image that runs holds locked dependencies and nothing to build with.
#
#   docker build -t reconciler --build-arg PYTHON=python:3.13-slim@sha256:… --build-arg REVISION=… .
#   docker run --read-only -v "$PWD/manifests/production:/manifests:ro" -e SSOREADY_API_URL -e SSOREADY_API_KEY reconciler run /manifests
#
# Several environments: mount a configuration file and name it in RECONCILER_CONFIG; then no folder is given.
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock \
 && python -m venv --without-pip /opt/reconciler \
 && /opt/build/bin/pip --python /opt/reconciler/bin/python install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY docs/ci docs/ci
COPY reconciler reconciler
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
 && /opt/build/bin/pip --python /opt/reconciler/bin/python install --no-cache-dir --no-deps /dist/*.whl

FROM ${PYTHON}
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="ssoready-reconciler" \
      org.opencontainers.image.description="Keeps an SSOReady environment equal to the manifests in a git repository" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/reconciler /opt/reconciler
ENV PATH=/opt/reconciler/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    RECONCILER_LISTEN=0.0.0.0:8080
USER 65532:65532
WORKDIR /
EXPOSE 8080
# Of the daemon, wherever it listens; Kubernetes has probes of its own.
HEALTHCHECK --interval=20s --timeout=5s --start-period=30s CMD ["python", "-c", "import os, urllib.request as r; \
r.urlopen('http://127.0.0.1:' + os.environ['RECONCILER_LISTEN'].rpartition(':')[2] + '/livez', timeout=3)"]
# SIGTERM reaches the reconciler itself: it finishes the running write and leaves with 0.
STOPSIGNAL SIGTERM
ENTRYPOINT ["reconciler"]
CMD ["run"]
