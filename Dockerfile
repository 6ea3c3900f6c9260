# The audit as a non-root user, on a root file system that may be read-only.
#
#   docker build --tag northflank-audit .
#   docker run --rm --read-only --env NORTHFLANK_API_TOKEN --volume "$PWD/reports:/audit/reports" northflank-audit
#
# Pin the base image by its digest where you build, as your registry tells it: FROM python:3.13-slim@sha256:…
FROM python:3.13-slim AS build

WORKDIR /opt/northflank-audit
# requirements-notify.txt also has Apprise; requirements-extras.txt has every extra, such as Dask and psycopg.
ARG REQUIREMENTS=requirements.txt
COPY requirements.txt requirements-notify.txt requirements-extras.txt ./
RUN python -m venv --without-pip venv \
    && pip --python venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement "$REQUIREMENTS"
COPY audit.py LICENSE ./
COPY northflank_audit northflank_audit
COPY rules rules
COPY templates templates
RUN ln -s ../../audit.py venv/bin/northflank-audit \
    && python -m compileall -q --invalidation-mode unchecked-hash northflank_audit


FROM python:3.13-slim

LABEL org.opencontainers.image.title="northflank-audit" \
      org.opencontainers.image.description="Compliance audit of a Northflank account" \
      org.opencontainers.image.licenses="MIT"

# Nothing here installs anything; the folder is for reports where no volume is mounted.
RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip \
    && install --directory --owner 10001 --group 10001 /audit/reports
COPY --from=build /opt/northflank-audit /opt/northflank-audit

ENV PATH=/opt/northflank-audit/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /audit
USER 10001:10001
ENTRYPOINT ["northflank-audit"]
