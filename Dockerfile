# The image holds Python, rotator and what it needs, and nothing that is secret: the configuration and the token are
# mounted (docs/install-container.md).
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# All files get this time, and the bytecode does not depend on any: the same sources make the same layers.
ARG SOURCE_DATE_EPOCH=315532800
# `notify` adds what messages need: Apprise.
ARG REQUIREMENTS=runtime
WORKDIR /src
RUN python -m venv /opt/build && python -m venv --without-pip /opt/rotator
ENV PATH=/opt/build/bin:$PATH
COPY requirements/runtime.txt requirements/notify.txt requirements/build.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && pip --python /opt/rotator/bin/python install --no-cache-dir --no-compile --require-hashes -r "requirements/$REQUIREMENTS.txt"
COPY pyproject.toml README.md LICENSE ./
COPY rotator rotator
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/rotator/bin/python install --no-cache-dir --no-compile --no-deps dist/*.whl \
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/rotator/lib \
 && mkdir -p /image/opt /image/run \
 && install -d -m 1777 /image/run/rotator \
 && cp -a /opt/rotator /image/opt/ \
 && find /image -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +

FROM ${BASE}
# /run/rotator, for the locks, is the one place that rotator writes to. It is open to all, as a tmpfs mounted there
# takes its mode, and whoever runs this may choose another user. A container has no others.
COPY --from=build /image /
ENV PATH=/opt/rotator/bin:$PATH
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["rotator", "healthcheck"]
ENTRYPOINT ["rotator"]
CMD ["run"]
# What changes with each commit stands last: all layers above stay as they are.
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rotator" \
      org.opencontainers.image.description="Takes named snapshots of VPS.org servers on schedule and deletes the oldest ones" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
