# syntax=docker/dockerfile:1
# The wheel is built in a stage of its own; the image that runs holds locked dependencies and nothing to build with.
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/reconciler \
 && /opt/reconciler/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY reconciler reconciler
COPY schemas schemas
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist . \
 && /opt/reconciler/bin/pip install --no-cache-dir --no-deps /dist/*.whl

FROM ${PYTHON}
LABEL org.opencontainers.image.title="ssoready-reconciler" \
      org.opencontainers.image.description="Keeps an SSOReady environment equal to the manifests in a git repository" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/reconciler /opt/reconciler
ENV PATH=/opt/reconciler/bin:$PATH PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["reconciler"]
CMD ["run", "--listen", "0.0.0.0:8080"]
